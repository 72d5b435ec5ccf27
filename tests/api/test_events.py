"""GET /api/events over real HTTP: what PostgreSQL notifies reaches the clients, and no client keeps the server."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.api.test_serving import answers, running
from tests.ports import free_port


@contextmanager
def listening(client: httpx2.Client) -> Iterator[Iterator[list[str]]]:
    """The events of a stream, each as its lines."""
    with client.stream("GET", "/api/events") as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        assert "content-encoding" not in response.headers
        yield _events(response.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[list[str]]:
    event: list[str] = []
    for line in lines:
        if line:
            event.append(line)
        elif event:
            yield event
            event = []


def notify(url: str, channel: str, payload: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", (channel, payload))


def test_a_client_hears_of_new_figures_and_of_loads(api: Any, database_url: str) -> None:
    with listening(api.client) as events:
        assert next(events) == ["retry: 2000"]
        assert next(events) == ["id: 0", "event: data_version", "data: 0"]
        notify(database_url, "ingest", '{"file_id": 1, "state": "loading"}')
        assert next(events) == ["event: ingest", 'data: {"file_id": 1, "state": "loading"}']
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE analytics.status SET data_version = 1")
            connection.execute("SELECT pg_notify('data_version', '1')")
        assert next(events) == ["id: 1", "event: data_version", "data: 1"]


def test_what_anybody_notifies_is_not_believed(api: Any, database_url: str) -> None:
    with listening(api.client) as events:
        next(events), next(events)
        notify(database_url, "data_version", "999")
        notify(database_url, "ingest", "{}")
        assert next(events) == ["event: ingest", "data: {}"]  # and nothing about figures before it


def test_a_client_that_has_gone_gives_its_place_back(api: Any, wait_until: Callable[..., None]) -> None:
    broker = api.app.state.events
    with listening(api.client) as events:
        next(events)
        assert len(broker) == 1
    wait_until(lambda: len(broker) == 0)


def test_more_streams_than_there_are_places_for_are_refused(api: Any) -> None:
    api.app.state.events._most = 1
    with listening(api.client) as events:
        next(events)
        problem = api.refused(503, "/api/events")
        assert problem["type"] == "urn:logistics:problem:too-many-streams"


def test_head_of_an_endless_stream_ends(api: Any, wait_until: Callable[..., None]) -> None:
    response = api.client.head("/api/events")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    wait_until(lambda: len(api.app.state.events) == 0)


def test_unknown_parameters_are_refused(api: Any) -> None:
    api.refused(422, "/api/events", since="1")


@pytest.mark.slow
def test_open_streams_do_not_keep_the_server_from_stopping(
    database_url: str, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    port = free_port()
    with running(tmp_path / "log", database_url=database_url, api_port=port) as process:
        wait_until(lambda: answers(port), 30)
        with (
            httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False) as client,
            listening(client) as events,
        ):
            next(events)
            process.send_signal(signal.SIGTERM)
            assert [event for event in events if event[0].startswith("event: ingest")] == []  # read to its end
            process.wait(60)
    log = (tmp_path / "log").read_text()
    assert "graceful shutdown exceeded" not in log  # the grace for answers under way was not used up
    assert "Traceback" not in log
