"""Files of an SFTP server: a real one, in this process."""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileChangedError, FileError, TransientError
from logistics_pipeline.files import range_reader, sftp
from logistics_pipeline.files.places import Place
from logistics_pipeline.files.remote_file import store_of
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.stores.conftest import opened, shipments

pytestmark = pytest.mark.usefixtures("no_pauses")


@dataclass
class Server:
    """The server, and the folder that it shows."""

    root: Path
    loop: asyncio.AbstractEventLoop
    host_key: Any
    client_key: Any
    port: int = 0
    connections: list[Any] = field(default_factory=list)
    on_read: list[Any] = field(default_factory=list)
    """Called before the next parts of files are sent."""
    is_silent: bool = False

    @property
    def place(self) -> PlaceDefinition:
        return PlaceDefinition(
            "depot",
            f"sftp://ann@127.0.0.1:{self.port}/in",
            options={"hostKey": self.host_key.export_public_key().decode().strip()},
            credentials={"privateKey": self.client_key.export_private_key().decode()},
        )

    def put(self, name: str, content: bytes, modified: float = 1_700_000_000) -> Path:
        path = self.root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (modified, modified))
        return path

    def cut(self) -> None:
        """Breaks all connections."""

        def abort() -> None:
            for connection in self.connections:
                connection.abort()
            self.connections.clear()

        self.loop.call_soon_threadsafe(abort)


@pytest.fixture(scope="module")
def keys() -> tuple[Any, Any]:
    return asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")


async def _end_tasks() -> None:
    """Ends what is still under way, such as an answer that never comes."""
    await asyncio.sleep(0.05)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def server(tmp_path: Path, keys: tuple[Any, Any]) -> Iterator[Server]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    (tmp_path / "sftp" / "in").mkdir(parents=True)
    server = Server(tmp_path / "sftp", loop, *keys)

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=os.fsencode(server.root))

        async def read(self, file_obj: object, offset: int, size: int) -> bytes:
            if server.is_silent:
                await asyncio.sleep(3600)
            if server.on_read:
                server.on_read.pop(0)()
            return super().read(file_obj, offset, size)  # type: ignore[no-any-return]

    class Guard(asyncssh.SSHServer):
        def connection_made(self, conn: Any) -> None:
            server.connections.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: Any) -> bool:
            return bool(username == "ann" and key == server.client_key.convert_to_public())

    async def start() -> Any:
        return await asyncssh.create_server(
            Guard, "127.0.0.1", 0, server_host_keys=[server.host_key], sftp_factory=Files
        )

    listening = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    server.port = listening.get_port()
    try:
        yield server
    finally:
        server.cut()
        loop.call_soon_threadsafe(listening.close)
        asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_all_files_below_the_folder_are_listed_and_read(server: Server) -> None:
    names = ["a b%.csv", "ü/日本語.csv", "deep/er/est.csv", "latin-\udce9.csv", "two\nlines.csv"]
    for name in names:
        server.put(name, os.fsencode(name))
    (server.root / "in" / "circle").symlink_to(".")
    (server.root / "in" / "nowhere").symlink_to("missing")
    place = server.place

    assert {each.key for page in store_of(place).pages() for each in page} == set(names)
    for name in names:
        assert opened(place, name).open().read() == os.fsencode(name)
        assert Place(place).raw_key(Place(place).key_of(name)) == name
    assert store_of(place).look("missing.csv") is None
    assert Place(place).root == f"sftp://127.0.0.1:{server.port}/in/"


def test_cut_connections_are_mended(server: Server) -> None:
    content = os.urandom(5 << 20)
    server.put("a.bin", content)
    file = opened(server.place, "a.bin")
    server.on_read = [server.cut, *[lambda: None] * 5, server.cut]

    assert sha256(file.open().read()).digest() == sha256(content).digest()


@pytest.mark.parametrize("way", ["written into", "replaced"])
def test_a_file_that_changes_while_it_is_read_is_never_mixed(way: str, server: Server) -> None:
    path = server.put("a.csv", b"1" * (4 << 20))
    file = opened(server.place, "a.csv")

    def change() -> None:
        if way == "replaced":
            path.rename(path.with_name("old"))
        server.put("a.csv", b"2" * (4 << 20), modified=1_700_000_060)

    server.on_read = [lambda: None, change]

    with file.open() as stream, pytest.raises(FileChangedError):
        while block := stream.read(1 << 16):
            assert set(block) == {ord("1")}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the server leaves the file open
def test_a_silent_server_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp, "OPERATION_SECONDS", 0.3)
    monkeypatch.setattr(range_reader, "ATTEMPTS", 2)
    server.put("a.csv", b"a")
    file = opened(server.place, "a.csv")
    server.is_silent = True

    with pytest.raises(TransientError, match="no answer in time"):
        file.open().read()


def test_refusals_say_what_to_do(server: Server, keys: tuple[Any, Any]) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    place = server.place

    with pytest.raises(PlaceError, match="key of the server is not known"):
        store_of(replace(place, options={"hostKey": other.export_public_key().decode()})).look("a.csv")
    with pytest.raises(PlaceError, match="does not let the user in"):
        store_of(replace(place, credentials={"privateKey": other.export_private_key().decode()})).look("a.csv")
    with pytest.raises(PlaceError, match="cannot be used") as refused:
        store_of(replace(place, credentials={"privateKey": "no key 4711"})).look("a.csv")
    assert "4711" not in str(refused.value)


def test_a_file_that_may_not_be_read_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("a.csv", b"a")
    file = opened(server.place, "a.csv")

    def refuse() -> None:
        raise asyncssh.SFTPPermissionDenied("not for you")

    server.on_read = [refuse]

    with pytest.raises(FileError, match="needs the right to read"):
        file.open().read()


def test_a_file_is_loaded_with_its_url_as_key(
    server: Server, options: LoadOptions, database_url: str, connection: Connection
) -> None:
    server.put("shipments/june.ndjson", shipments(0, 20))
    known = replace(options, places=(server.place,))
    key = f"sftp://127.0.0.1:{server.port}/in/shipments/june.ndjson"
    found = known.folder.look_at_key(key)
    assert found is not None

    report = load_file(database_url, found, known)

    assert report.is_loaded, report.file.error
    assert (report.file.path, report.file.dataset) == (key, "shipments")
    assert connection.execute("SELECT count(*) FROM raw.shipments").fetchone() == (20,)
