"""Subscriptions over server-sent events: what is sent for which event, and what is refused."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from queue import Queue
from typing import Any

import httpx2
import psycopg
import pytest

from logistics_core.database_contract.channels import Channel
from tests.api.conftest import Api, Serve

STREAM = {"Accept": "text/event-stream"}
FILE = {
    "file_id": 7,
    "path": "shipments/a.json",
    "version": 1,
    "dataset": "shipments",
    "state": "loading",
    "records_read": 40,
    "bytes_read": 900,
    "bytes": 1000,
}


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    with new_database() as url:
        yield url


@pytest.fixture(scope="module")
def api(url: str, serve: Serve) -> Iterator[Api]:
    with serve(url) as running:
        yield running


def notify(url: str, channel: Channel, payload: Any) -> None:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", (channel.value, text))


def first_answers(api: Api, query: str, send: Callable[[], None], count: int) -> list[Any]:
    """The first answers of a subscription; `send` causes events once it listens."""
    found: Queue[Any] = Queue()
    with api.client.stream("POST", "/graphql", json={"query": query}, headers=STREAM) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines) == ":"  # it listens now
        threading.Thread(target=send).start()
        event = ""
        for line in lines:
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: ") and event == "next":
                found.put(json.loads(line.removeprefix("data: ")))
                if found.qsize() == count:
                    break
    return [found.get() for _ in range(count)]


def test_progress_of_loads_is_told(api: Api, url: str) -> None:
    def send() -> None:
        notify(url, Channel.FILES, FILE | {"dataset": "vehicles"})
        notify(url, Channel.FILES, "no JSON")
        notify(url, Channel.FILES, FILE)
        notify(url, Channel.FILES, FILE | {"state": "loaded"})

    query = 'subscription { p: loadProgress(dataset: "shipments") { path state read: recordsRead __typename } }'
    answers = first_answers(api, query, send, 2)

    assert [each["data"]["p"] for each in answers] == [
        {"path": "shipments/a.json", "state": state, "read": 40, "__typename": "LoadProgress"}
        for state in ("loading", "loaded")
    ]


def test_changes_of_a_dataset_are_told(api: Api, url: str) -> None:
    def send() -> None:
        notify(url, Channel.FILES, FILE | {"state": "registered"})
        notify(url, Channel.FILES, FILE | {"state": "unloaded"})
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE analytics.status SET data_version = 5, last_calculated_at = now()")
        notify(url, Channel.DATA_VERSION, "5")

    query = 'subscription Q($d: String = "shipments") { changed(dataset: $d) { dataset fileId dataVersion } }'
    answers = first_answers(api, query, send, 2)

    assert answers == [
        {"data": {"changed": {"dataset": "shipments", "fileId": 7, "dataVersion": None}}},
        {"data": {"changed": {"dataset": None, "fileId": None, "dataVersion": 5}}},
    ]


def test_a_query_can_be_asked_as_a_stream(api: Api) -> None:
    response = api.client.post("/graphql", json={"query": "{ datasets { name } }"}, headers=STREAM)

    event, data, *_, completed, _ = response.text.split("\n")[:6]
    assert (event, completed) == ("event: next", "data:")
    assert json.loads(data.removeprefix("data: "))["data"]["datasets"][0] == {"name": "vehicles"}
    assert "event: complete\n" in response.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("subscription { changed { dataset } }", 406),
        ("subscription { changed { dataset } loadProgress { path } }", 400),
        ("subscription { __typename }", 400),
    ],
)
def test_what_is_no_subscription_is_refused(api: Api, query: str, status: int) -> None:
    response: httpx2.Response = api.client.post(
        "/graphql", json={"query": query}, headers={"Accept": "application/graphql-response+json"}
    )

    assert response.status_code == status
    assert response.json()["errors"][0]["message"]
