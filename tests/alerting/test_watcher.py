"""The outside watcher hears of a worker as long as it works, and of nothing else."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.worker.heartbeats import name_of_process
from logistics_pipeline.worker.watcher import Watcher
from tests.notifying.sink import Reply, Sink, serving

SECONDS = 0.02


@pytest.fixture
def sink() -> Iterator[Sink]:
    with serving() as found:
        yield found


def called(settings: Settings, database_url: str, sink: Sink, *, most: float = 5.0) -> int:
    """How often it was called until the first call had come, or for as long as nothing should."""
    stop, before = threading.Event(), len(sink.received)
    thread = threading.Thread(target=Watcher(settings, database_url, stop, seconds=SECONDS).run)
    thread.start()
    end = time.monotonic() + most
    while len(sink.received) == before and time.monotonic() < end:
        time.sleep(0.01)
    stop.set()
    thread.join()
    return len(sink.received) - before


def beat(connection: Connection, duty: str, seconds_ago: int = 0, worker: str | None = None) -> None:
    connection.execute(
        "INSERT INTO alert.heartbeats (duty, worker, at) VALUES (%s, %s, now() - make_interval(secs => %s)) "
        "ON CONFLICT (duty) DO UPDATE SET worker = excluded.worker, at = excluded.at",
        (duty, worker or name_of_process(), seconds_ago),
    )


def test_it_is_called_by_the_worker_that_works_and_by_no_other(
    connection: Connection, database_url: str, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHER", f"{sink.url}/ping/abc")
    settings = Settings(worker_watcher="env:WATCHER", worker_watcher_private=True)
    assert called(settings, database_url, sink, most=0.3) == 0, "nobody has worked yet"
    beat(connection, "alerts")
    beat(connection, "messages")
    assert called(settings, database_url, sink) > 0
    assert sink.received[-1].path == "/ping/abc"
    beat(connection, "messages", seconds_ago=300)
    assert called(settings, database_url, sink, most=0.3) == 0, "messages are not sent"
    beat(connection, "messages")
    beat(connection, "alerts", worker="another host 1")
    assert called(settings, database_url, sink, most=0.3) == 0, "another worker evaluates"


def test_what_is_wrong_is_said_once_and_without_the_address(
    connection: Connection, database_url: str, sink: Sink, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "watcher"
    secret.write_text(f"{sink.url}/ping/secret-token\n")
    beat(connection, "alerts")
    beat(connection, "messages")
    guarded = Settings(worker_watcher=f"file:{secret}")
    caplog.set_level("INFO", "logistics.worker")
    assert called(guarded, database_url, sink, most=0.3) == 0, "an address of this machine is not allowed"
    assert len(caplog.records) == 1 and "https://" in caplog.text
    caplog.clear()
    sink.replies += [Reply(status=500), Reply(status=302, headers={"Location": f"{sink.url}/elsewhere"})]
    settings = Settings(worker_watcher=f"file:{secret}", worker_watcher_private=True)
    watcher = Watcher(settings, database_url, threading.Event())
    for _ in range(4):
        watcher._say(watcher._call())
    assert [each.path for each in sink.received] == ["/ping/secret-token"] * 4, "no redirect is followed"
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    secret.unlink()
    watcher._say(watcher._call())
    watcher._http.close()
    assert "cannot be read" in caplog.text and "secret-token" not in caplog.text


def test_an_address_in_the_setting_itself_is_refused() -> None:
    with pytest.raises(ValidationError, match="env:NAME or file:PATH"):
        Settings(worker_watcher="https://hc-ping.com/secret")
