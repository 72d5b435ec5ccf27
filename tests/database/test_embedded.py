"""The embedded server runs while anybody uses it, no longer, and says in a sentence why it does not."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from logistics_pipeline.database.connections import connect, with_database
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.local import supervisor
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.local.supervisor import DatabaseWatch
from logistics_pipeline.migrations import migrate

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """A data folder that was initialised and stopped: copying it is quicker than making one."""
    with temporary_folder() as parent:
        server = EmbeddedPostgres(parent / "postgres")
        server.acquire()
        server.release()
        yield parent / "postgres"


@pytest.fixture
def folder(prepared: Path) -> Iterator[Path]:
    with temporary_folder() as parent:
        subprocess.run(["cp", "-a", prepared, parent / "postgres"], check=True)
        yield parent / "postgres"
        EmbeddedPostgres(parent / "postgres").stop()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="logistics-embedded-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def is_running(folder: Path) -> bool:
    lines = (folder / "postmaster.pid").read_text().split() if (folder / "postmaster.pid").exists() else []
    return bool(lines) and Path(f"/proc/{lines[0]}").exists()


USER = """
import sys
from pathlib import Path
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.acquire(), flush=True)
sys.stdin.readline()
server.release()
"""


@contextmanager
def user(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that uses the server until a line is written to it."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", USER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


@pytest.mark.slow
def test_whoever_leaves_last_stops_it(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    url = first.acquire()
    assert second.acquire() == url

    first.release()
    psycopg.connect(with_database(url, "postgres")).close()
    assert is_running(folder)
    second.release()

    assert not is_running(folder)
    second.release()  # once more does no harm


def test_another_process_counts_while_it_lives(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.acquire()
    with user(folder) as other:
        assert other.stdout is not None and "postgresql://" in other.stdout.readline()
        server.release()
        assert is_running(folder)
        other.communicate("\n", timeout=120)

    assert not is_running(folder)


def test_a_killed_process_does_not_count(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    with user(folder) as other:
        assert other.stdout is not None and other.stdout.readline()
        server.acquire()
        other.kill()
        other.wait()
    server.release()

    assert not is_running(folder)


def test_one_started_by_hand_stays_until_it_is_stopped(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.acquire()
    server.keep()
    server.release()
    assert is_running(folder)
    with_another = EmbeddedPostgres(folder)
    with_another.acquire()
    with_another.release()
    assert is_running(folder)

    assert EmbeddedPostgres(folder).stop()

    assert not is_running(folder)
    assert not EmbeddedPostgres(folder).stop()


def test_one_stopped_by_hand_is_only_started_by_hand(folder: Path) -> None:
    server, another = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    server.acquire()
    assert another.stop()
    server.release()

    with pytest.raises(ConfigurationError, match="was stopped with `logistics db stop`"):
        another.acquire()
    assert not is_running(folder)

    server.acquire(by_hand=True)
    another.acquire()
    server.release()
    assert is_running(folder)
    another.release()
    assert not is_running(folder)


def test_stopping_what_was_never_started_is_no_error(tmp_path: Path) -> None:
    assert not EmbeddedPostgres(tmp_path / "nothing" / "postgres").stop()


@pytest.mark.slow
def test_a_server_that_died_is_started_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.acquire()
    pid = int((folder / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    server.release()

    again = EmbeddedPostgres(folder)
    with psycopg.connect(with_database(again.acquire(), "postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    again.release()
    assert with_database(url, "postgres")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_two_processes_may_start_it_at_once_in_a_new_folder() -> None:
    with temporary_folder() as parent:
        folder = parent / "data" / "postgres"
        with user(folder) as first, user(folder) as second:
            assert first.stdout is not None and second.stdout is not None
            assert first.stdout.readline() == second.stdout.readline() != ""
            first.communicate("\n", timeout=120)
            assert is_running(folder)
            second.communicate("\n", timeout=120)
        assert not is_running(folder)


def test_a_folder_too_deep_for_a_socket_works(prepared: Path) -> None:
    with temporary_folder() as parent:
        folder = parent / ("deep" * 20) / ("deeper" * 10) / "postgres"
        folder.parent.mkdir(parents=True)
        subprocess.run(["cp", "-a", prepared, folder], check=True)
        server = EmbeddedPostgres(folder)
        with psycopg.connect(with_database(server.acquire(), "postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.release()
        assert not is_running(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my data, ü'%20", 'a$HOME `x` "b\\c'])
def test_a_path_with_any_characters_works(name: str, prepared: Path) -> None:
    with temporary_folder() as parent:
        folder = parent / name / "postgres"
        folder.parent.mkdir()
        subprocess.run(["cp", "-a", prepared, folder], check=True)
        server = EmbeddedPostgres(folder)
        with connect(with_database(server.acquire(), "postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.release()
        assert not is_running(folder)


def test_a_port_in_somebodys_environment_does_not_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "5999")
    first = EmbeddedPostgres(folder)
    url = first.acquire()
    monkeypatch.setenv("PGPORT", "5998")

    second = EmbeddedPostgres(folder)
    assert second.acquire() == url
    connect(with_database(url, "postgres")).close()
    for server in (first, second):
        server.release()
    assert not is_running(folder)


def test_a_pid_file_left_by_a_crash_that_names_another_process_is_no_server(folder: Path) -> None:
    socket_dir = folder.parent / "sockets"
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n0\n5432\n{socket_dir}\n\n0 0\nready\n")
    server = EmbeddedPostgres(folder)

    with connect(with_database(server.acquire(), "postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.release()


@needs_root
def test_a_folder_that_is_not_writable_is_said_in_a_sentence(tmp_path: Path) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigurationError, match=r"is not writable .*Set LOGISTICS_DATA_DIR"):
            EmbeddedPostgres(Path("/usr/lib/postgres-of-nobody/postgres")).acquire()
    finally:
        os.seteuid(0)


def test_a_folder_below_a_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="did not start: "):
        EmbeddedPostgres(tmp_path / "file" / "postgres").acquire()


def test_data_of_another_version_are_said_in_a_sentence(folder: Path) -> None:
    (folder / "PG_VERSION").write_text("16\n")
    with pytest.raises(ConfigurationError, match="18 but found version 16"):
        EmbeddedPostgres(folder).acquire()


@pytest.mark.slow
def test_settings_that_do_not_start_are_said_in_a_sentence_with_the_log(folder: Path) -> None:
    (folder / "logistics.conf").write_text("shared_buffers = nonsense\n")
    with pytest.raises(ConfigurationError, match=rf"did not start: .*Its log is {folder}/log"):
        EmbeddedPostgres(folder).acquire()


@pytest.mark.slow
def test_databases_of_one_server_may_be_migrated_at_once(folder: Path) -> None:
    """Roles belong to the server, not to the database whose lock each migration holds."""
    server = EmbeddedPostgres(folder)
    url = server.acquire()
    urls = [with_database(url, f"database_{number}") for number in range(2)]
    errors: list[BaseException] = []
    for each in urls:
        migrate(each)
    for each in urls:
        with connect(each) as connection:
            connection.execute("DROP OWNED BY logistics_reader, logistics_operator")
    with connect(urls[0]) as connection:
        connection.execute("DROP ROLE logistics_reader, logistics_operator")
    together = threading.Barrier(2)

    def make_roles(each: str) -> None:
        from logistics_pipeline.migrations import ApiLogins, _make_roles

        with connect(each) as connection:
            together.wait()
            try:
                _make_roles(connection, ApiLogins())
            except Exception as error:  # noqa: BLE001
                errors.append(error)

    threads = [threading.Thread(target=make_roles, args=(each,)) for each in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.release()
    assert errors == []


@pytest.mark.slow
def test_a_server_that_was_killed_is_revived_and_one_that_was_stopped_is_not(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.acquire()
    try:
        assert not server.restart_if_dead()
        os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        wait_until(server.restart_if_dead)  # a moment after the signal it is still there
        with psycopg.connect(with_database(url, "postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not server.restart_if_dead()
        server.stop()
        assert not server.restart_if_dead()
        assert not is_running(folder)
    finally:
        server.release()


def test_what_does_not_start_again_is_said_and_tried_after_pauses(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, said = [0.0], []
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: clock[0])
    server = EmbeddedPostgres(folder)
    (folder / "postmaster.pid").write_text(f"1\n{folder}\n1\n5432\n{folder}\n\n")
    monkeypatch.setattr(server, "_start", lambda: (_ for _ in ()).throw(RuntimeError("no space")))
    watch = DatabaseWatch(server, said.append)
    for _ in range(10):
        watch.check()
        clock[0] += 1
    assert len(said) == 4  # after 1, 2, 4 s, and the first
    assert "did not start: no space. " in said[0]
    assert [sentence[-20:] for sentence in said] == [f"Trying again in {pause} s." for pause in (1, 2, 4, 8)]
    monkeypatch.setattr(server, "_start", lambda: None)
    clock[0] += 60
    watch.check()
    assert said[4] == f"The embedded PostgreSQL had died and was restarted; its log is {folder / 'log'}"
