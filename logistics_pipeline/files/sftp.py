"""Files of SFTP servers, by asyncssh (extra `sftp`). The server must be one whose key is known.

The protocol names no versions: size and modification time are looked at before and after each part that is read, and
times are whole seconds. So files are left alone until they have settled, as in the raw folder.
"""

import asyncio
import contextlib
import stat
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.secrets import SecretError
from logistics_core.places.time_limits import CONNECT_SECONDS
from logistics_pipeline.errors import FileChangedError, FileError, TransientError
from logistics_pipeline.files.stores import FileGoneError, ListedFile, PlaceError, Store, StoredVersion

try:
    import asyncssh
except ImportError as missing:
    raise PlaceError(
        "Files of SFTP servers need the package asyncssh, which is not installed. Install it: pip install "
        "'logistics-analytics[sftp]'"
    ) from missing

OPERATION_SECONDS = 120
_KEEPALIVE_SECONDS = 10
_PAGE_FILES = 1_000
DEEPEST = 20
CHANGED = "The file was changed while it was read. Its new content is a new version and is loaded as such"
GONE = "The file was removed while it was read"


Result = TypeVar("Result")

_OF_ONE_FILE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPPermissionDenied, FileError)
"""Errors after which the connection is as good as before."""


class SftpStore(Store):
    """The files below a folder of a server, through one connection that is opened when first needed."""

    has_whole_files = False

    def __init__(self, place: PlaceDefinition) -> None:
        self._place = place
        parts = urlsplit(place.url)
        self._host, self._port, self._user = parts.hostname or "", parts.port or 22, parts.username
        self._folder = f"{unquote(parts.path, errors='surrogateescape').rstrip('/')}/"
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"sftp {place.name}", daemon=True)
        self._thread.start()

    def look(self, key: str) -> StoredVersion | None:
        async def look(client: Any) -> StoredVersion | None:
            found = await client.stat(self._folder + key)
            return _version(found) if stat.S_ISREG(found.permissions or 0) else None

        try:
            return self._do(look, key)
        except FileGoneError:
            return None

    def read(self, key: str, version: StoredVersion, start: int, end: int) -> bytes:
        async def read(client: Any) -> bytes:
            async with client.open(self._folder + key, "rb") as file:
                _check_unchanged(await file.stat(), version)
                data: bytes = await file.read(end - start, start)
                _check_unchanged(await file.stat(), version)
            _check_unchanged(await client.stat(self._folder + key), version)  # another file may have taken its place
            return data

        data = self._do(read, key)
        if len(data) != end - start:
            raise TransientError(f"The server has sent {len(data):,} of {end - start:,} bytes")
        return data

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._disconnect(), self._loop).result(CONNECT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def pages(self, after: str | None = None) -> Iterator[list[ListedFile]]:
        waiting, entered = [("", 0)], set[str]()
        while waiting:
            folder, depth = waiting.pop()
            files, folders, real = self._do(partial(self._list, folder=folder), folder)
            if real in entered:
                continue
            entered.add(real)
            if depth < DEEPEST:
                waiting += [(each, depth + 1) for each in folders]
            for begin in range(0, len(files) or 1, _PAGE_FILES):
                yield files[begin : begin + _PAGE_FILES]

    async def _list(self, client: Any, folder: str) -> tuple[list[ListedFile], list[str], str]:
        """The files of a folder, the folders in it, and its real path: links may lead in circles."""
        files, folders = [], []
        real = await client.realpath(self._folder + folder)
        async for entry in client.scandir(self._folder + folder):
            name, attributes = entry.filename, entry.attrs
            if name in (".", ".."):
                continue
            if stat.S_ISLNK(attributes.permissions or 0):
                try:
                    attributes = await client.stat(f"{self._folder}{folder}{name}")
                except asyncssh.SFTPError:
                    continue  # it leads nowhere
            kind = attributes.permissions or 0
            if stat.S_ISDIR(kind) and not name.startswith("."):
                folders.append(f"{folder}{name}/")
            elif stat.S_ISREG(kind):
                files.append(ListedFile(folder + name, _version(attributes)))
        return files, folders, str(real)

    # -- the connection --------------------------------------------------------------------------------------------

    def _do(self, work: Callable[[Any], Coroutine[Any, Any, Result]], key: str) -> Result:
        """Does work with the connection, in the thread that has it."""
        url = f"{self._place.url.rstrip('/')}/{key}"
        with self._errors(url):
            return asyncio.run_coroutine_threadsafe(self._work(work), self._loop).result()

    async def _work(self, work: Callable[[Any], Coroutine[Any, Any, Result]]) -> Result:
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
        task = asyncio.ensure_future(work(self._client))
        await asyncio.wait({task}, timeout=OPERATION_SECONDS)
        if not task.done():  # closing a file would wait for a silent server again: first the connection ends
            await self._disconnect()
            await asyncio.gather(asyncio.wait_for(task, CONNECT_SECONDS), return_exceptions=True)
            raise TimeoutError
        try:
            return task.result()
        except _OF_ONE_FILE:
            raise
        except BaseException:
            await self._disconnect()
            raise

    async def _disconnect(self) -> None:
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()
            with contextlib.suppress(Exception):
                await connection.wait_closed()

    async def _connect(self) -> Any:
        keys, passphrase = self._place.credential("privateKey"), self._place.credential("passphrase")
        self._connection = await asyncssh.connect(
            self._host,
            self._port,
            username=self._user or (),
            password=self._place.credential("password"),
            client_keys=None if keys is None else [asyncssh.import_private_key(keys, passphrase)],
            known_hosts=self._known_hosts(),
            connect_timeout=CONNECT_SECONDS,
            login_timeout=CONNECT_SECONDS,
            keepalive_interval=_KEEPALIVE_SECONDS,
            keepalive_count_max=3,
            config=None,
            agent_path=None,
        )
        return await self._connection.start_sftp_client(path_encoding="utf-8", path_errors="surrogateescape")

    def _known_hosts(self) -> Any:
        host_key = self._place.option("hostKey")
        if host_key is not None:
            return asyncssh.import_known_hosts(f"* {host_key}\n")
        return self._place.option("knownHosts") or ()

    @contextlib.contextmanager
    def _errors(self, url: str) -> Iterator[None]:
        name = self._place.name
        try:
            yield
        except SecretError as error:
            raise PlaceError(f"{url}: {error}") from None
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            raise FileGoneError(GONE) from None
        except asyncssh.SFTPPermissionDenied:
            raise PlaceError(
                f"{url}: access is denied. The user of the source {name} needs the right to read it."
            ) from None
        except asyncssh.HostKeyNotVerifiable as error:
            raise PlaceError(
                f"{url}: the key of the server is not known ({error}). Get it from whoever runs the server, and "
                "declare it in `options` (`hostKey: ssh-ed25519 AAAA...`, or `knownHosts: FILE`)."
            ) from None
        except asyncssh.PermissionDenied:
            raise PlaceError(
                f"{url}: the server does not let the user in. Correct the credentials of the source {name} "
                "(`password`, or `privateKey` with `passphrase`), and the user in `url`."
            ) from None
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
            raise PlaceError(f"{url}: a key cannot be used ({error}). Correct the source {name}.") from None
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise TransientError(f"{url} cannot be read now: {str(error) or 'no answer in time'}") from error


def _version(attributes: Any) -> StoredVersion:
    return StoredVersion(attributes.size or 0, (attributes.mtime or 0) * 1_000_000_000)


def _check_unchanged(attributes: Any, version: StoredVersion) -> None:
    if _version(attributes) != version:
        raise FileChangedError(CHANGED)
