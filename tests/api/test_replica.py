"""The API reads a replica: no client sees older figures than before, and changes go to the primary."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from logistics_api.database.connection import Connection
from logistics_api.database.limits import Limits
from logistics_api.database.pool import Database
from logistics_api.database.replication import REPLAYED, WRITTEN
from logistics_api.database.watcher import PUBLISHED, Watcher
from logistics_api.errors import Problem
from logistics_core.database_contract.channels import Channel
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import connect, with_database
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.migrations import migrate
from tests.conftest import options_of
from tests.database.records import vehicle
from tests.postgres_servers import NOT_DURABLE, Pair, streaming_pair

OF_WATCHERS = [PUBLISHED, REPLAYED, WRITTEN]
SPAN = {"start": "2024-01-01", "end": "2024-12-31"}
BOARD = {"title": "Fleet", "panels": [{"question": {"dataset": "vehicles", "metrics": "vehicle_count"}}]}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Servers that hold a migrated database. Replication needs commits to reach the log at once."""
    with streaming_pair({**NOT_DURABLE, "synchronous_commit": "on", "max_standby_streaming_delay": "0"}) as pair:
        migrate(with_database(pair.primary.url, "logistics"))
        pair.standby.catch_up_with(pair.primary)
        yield pair


@pytest.fixture(scope="module")
def on_primary(pair: Pair) -> str:
    return with_database(pair.primary.url, "logistics")


@pytest.fixture(scope="module")
def on_replica(pair: Pair) -> str:
    return with_database(pair.standby.url, "logistics")


@pytest.fixture(scope="module")
def replica_api(pair: Pair, on_primary: str, on_replica: str, serve: Any) -> Iterator[Any]:
    """An API that reads the replica. It never looks by itself: all it knows it was told of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("logistics_api.database.watcher.POLL_SECONDS", 600.0)
        settings = {"api_database_url": on_replica, "api_operator_database_url": pair.url("logistics")}
        with serve(on_primary, **settings) as api:
            yield api


@pytest.fixture(scope="module")
def primary_api(on_primary: str, serve: Any) -> Iterator[Any]:
    with serve(on_primary) as api:
        yield api


@pytest.fixture(scope="module")
def loaded(pair: Pair, on_primary: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Some vehicles, of which one was rejected."""
    folder = tmp_path_factory.mktemp("raw")
    (folder / "vehicles.json").write_text(json.dumps([*map(vehicle, range(3)), vehicle(3, total_mileage="far")]))
    options = options_of(folder)
    found = options.folder.look_at(folder / "vehicles.json")
    assert found is not None
    assert load_file(on_primary, found, options).is_loaded
    refresh(on_primary)
    pair.standby.catch_up_with(pair.primary)


@contextmanager
def lagging(pair: Pair) -> Iterator[None]:
    """The replica stands still as long as the block lasts."""
    pair.standby.suspend_replay()
    try:
        yield
    finally:
        pair.standby.resume_replay()
        pair.standby.catch_up_with(pair.primary)


def publish(url: str, change: int = 1) -> int:
    """What a refresh does with the version, in the order of the pipeline; returns the new one."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "UPDATE analytics.status SET data_version = data_version + %s, last_calculated_at = now() "
            "RETURNING data_version",
            (change,),
        ).fetchone()
        assert row is not None
        connection.execute("SELECT pg_notify(%s, %s)", (Channel.DATA_VERSION, str(row[0])))
    return int(row[0])


def version_of(response: Any, status: int = 200) -> int:
    assert response.status_code == status, response.text
    return int(response.headers["data-version"])


def ask(api: Any, minimum: int | None = None) -> Any:
    return api.request("/api/dashboard", headers={} if minimum is None else {"Min-Data-Version": str(minimum)}, **SPAN)


def test_new_figures_are_announced_by_the_primary_and_answered_by_the_replica(
    replica_api: Any, on_primary: str, wait_until: Callable[..., None]
) -> None:
    assert replica_api.app.state.database.freshness.replication.is_replica
    for _ in range(5):
        version = publish(on_primary)
        wait_until(lambda expected=version: version_of(ask(replica_api)) == expected, 5.0)


def test_a_client_never_goes_back_to_older_figures(
    pair: Pair, replica_api: Any, primary_api: Any, on_primary: str
) -> None:
    seen = version_of(ask(primary_api))
    with lagging(pair):
        version = publish(on_primary)
        assert version_of(ask(primary_api, seen)) in (seen, version)
        assert version_of(ask(primary_api, version)) == version
        assert version_of(ask(replica_api)) == seen  # marked, for clients that take what there is
        began_at = time.monotonic()
        refused = ask(replica_api, version)
        assert 1.5 < time.monotonic() - began_at < 10
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["type"] == "urn:logistics:problem:data-version-not-yet-available"
        assert version_of(refused, 503) == seen
        threading.Timer(0.3, pair.standby.resume_replay).start()
        assert version_of(ask(replica_api, version)) == version


def test_it_never_goes_back_with_rows_either(pair: Pair, replica_api: Any, on_primary: str) -> None:
    """A replica shows commits in their order: with the version comes whatever was there before it."""
    with lagging(pair):
        version = publish(on_primary)
        headers = {"Min-Data-Version": str(version)}
        assert replica_api.request("/api/ingestion/files", headers=headers).status_code == 503
    assert replica_api.request("/api/ingestion/files", headers=headers).status_code == 200


def test_figures_that_were_lost_for_good_are_not_waited_for(
    replica_api: Any, primary_api: Any, on_primary: str, wait_until: Callable[..., None]
) -> None:
    """After a restore, or a failover to a server that had not received the last refresh."""
    publish(on_primary, 2)
    seen = publish(on_primary)
    wait_until(lambda: version_of(ask(replica_api)) == seen)
    remaining = publish(on_primary, -2)
    for api in (replica_api, primary_api):
        wait_until(lambda each=api: version_of(ask(each)) == remaining)
        assert version_of(ask(api, seen)) == remaining


def test_a_minimum_that_is_no_version_is_refused(replica_api: Any) -> None:
    refused = replica_api.request("/api/dashboard", headers={"Min-Data-Version": "-1"}, **SPAN)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == "Min-Data-Version"


def test_changes_go_to_the_primary_and_are_seen_by_whoever_looks_next(replica_api: Any) -> None:
    for number in range(5):
        made = replica_api.client.post("/api/boards", json={**BOARD, "title": f"Board {number}"})
        assert made.status_code == 201, made.text
        names = [board["title"] for board in replica_api.request("/api/boards").json()["boards"]]
        assert f"Board {number}" in names


def test_a_change_that_the_replica_does_not_have_yet_is_made_and_says_so(
    pair: Pair, replica_api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics_api.database.operator.REPLICA_SECONDS", 0.2)
    with lagging(pair):
        made = replica_api.client.post("/api/boards", json={**BOARD, "title": "Late"})
        assert (made.status_code, made.json()["type"]) == (504, "urn:logistics:problem:change-not-yet-visible")
    assert "Late" in replica_api.request("/api/boards").text


def test_a_primary_that_is_gone_is_told_from_a_login_that_is_refused(
    on_primary: str, on_replica: str, tmp_path: Path, serve: Any
) -> None:
    settings = {"api_database_url": on_replica, "api_operator_database_url": f"postgresql://any@/any?host={tmp_path}"}
    with serve(on_primary, **settings) as api:
        assert api.request("/api/boards").status_code == 200
        refused = api.client.post("/api/boards", json=BOARD)
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:logistics:problem:primary-unavailable")


def test_progress_of_loads_reaches_those_who_follow_events(replica_api: Any, on_primary: str) -> None:
    with replica_api.client.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("event: data_version"))
        with psycopg.connect(on_primary) as connection:
            connection.execute("SELECT pg_notify(%s, %s)", (Channel.FILES, json.dumps({"file_id": 7})))
        next(line for line in lines if line == f"event: {Channel.FILES}")
        assert json.loads(next(lines).removeprefix("data: ")) == {"file_id": 7}


def test_a_new_key_is_known_at_once(replica_api: Any, on_primary: str, wait_until: Callable[..., None]) -> None:
    with connect(on_primary) as connection:
        key, _ = create_key(connection, "replica", ["read"])

    def answers() -> bool:
        return bool(replica_api.request("/api/session", headers={"X-API-Key": key}).status_code == 200)

    wait_until(answers, 5.0)


def test_how_far_the_replica_is_behind_is_a_metric(pair: Pair, replica_api: Any, on_primary: str) -> None:
    def behind() -> float:
        text = replica_api.client.get("/metrics").text
        return float(re.findall(r"^logistics_replica_caught_up_seconds (\S+)$", text, re.MULTILINE)[0])

    with lagging(pair):
        publish(on_primary)
        ask(replica_api, 10**9)  # has both servers looked at
        late = behind()
    ask(replica_api, 10**9)
    assert 2 <= late > behind()


def test_without_an_address_of_the_primary_the_replica_is_polled_and_nothing_is_changed(
    on_primary: str, on_replica: str, serve: Any, wait_until: Callable[..., None]
) -> None:
    with serve(on_primary, api_database_url=on_replica) as api:
        version = publish(on_primary)
        wait_until(lambda: version_of(ask(api)) == version)
        assert version_of(ask(api, publish(on_primary))) == version + 1
        refused = api.client.post("/api/boards", json=BOARD)
        assert (refused.status_code, refused.json()["type"]) == (501, "urn:logistics:problem:read-only-database")


def test_a_statement_that_a_change_of_the_primary_cancels_is_tried_again(
    pair: Pair, on_primary: str, on_replica: str
) -> None:
    """It needs rows that VACUUM has removed on the primary; afterwards they are gone, and nothing is in its way."""
    with psycopg.connect(on_primary, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.removed AS SELECT generate_series(1, 1000) AS number")
        pair.standby.catch_up_with(pair.primary)

        async def read() -> tuple[Any, ...]:
            async with Database(on_replica, limits=Limits(connections=1)) as database:
                with pytest.raises(Problem, match="in the way of a change") as refused:
                    async with database.connection() as reading:
                        await asyncio.gather(
                            reading.execute("SELECT count(*), pg_sleep(3) FROM public.removed"),
                            asyncio.to_thread(remove, connection),
                        )
                assert (refused.value.status, refused.value.kind) == (503, "recovery-conflict")
                waiting = asyncio.create_task(
                    database.fetch_row("SELECT pg_sleep(0.5)::text, count(*) FROM public.removed")
                )
                await asyncio.to_thread(remove, connection)
                return await waiting

        assert asyncio.run(read())[1] == 800


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/vehicles", {}),
        ("/api/vehicles/v1", {}),
        ("/api/history/vehicles/v1", {}),
        ("/api/ingestion/rejects", {}),
        ("/api/metrics/vehicles", {"metrics": "vehicle_count", "format": "csv"}),
        ("/api/exports/vehicles.csv", {}),
        ("/api/exports/vehicles.ndjson", {}),
        ("/api/graphql", {"query": "{ vehicles { data { vehicle_id } } }"}),
    ],
)
def test_whichever_statement_of_a_request_is_cancelled_it_is_answered(
    loaded: None, replica_api: Any, monkeypatch: pytest.MonkeyPatch, path: str, parameters: dict[str, str]
) -> None:
    execute = Connection.execute
    counted: list[bytes] = []
    cancelled = -1

    async def cancel_one(connection: Connection, query: Any, *arguments: Any, **options: Any) -> Any:
        if query not in OF_WATCHERS:
            counted.append(query)
        if len(counted) - 1 == cancelled and query not in OF_WATCHERS:
            raise psycopg.errors.SerializationFailure("canceling statement due to conflict with recovery")
        return await execute(connection, query, *arguments, **options)

    def ask() -> Any:
        counted.clear()
        replica_api.app.state.cache.clear()
        return replica_api.client.get(path, params=parameters)

    expected = ask()
    assert expected.status_code == 200, expected.text
    monkeypatch.setattr(Connection, "execute", cancel_one)
    ask()
    for cancelled in range(len(counted)):
        answered = ask()
        assert (answered.status_code, answered.text) == (200, expected.text), counted[cancelled]


@pytest.mark.parametrize("cancelled", [REPLAYED, PUBLISHED])
def test_a_statement_of_the_watcher_that_is_cancelled_is_read_again(
    replica_api: Any,
    on_primary: str,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[..., None],
    cancelled: str,
) -> None:
    execute = Connection.execute
    freshness = replica_api.app.state.database.freshness
    cancellations: list[str] = []

    async def cancel_once(connection: Connection, query: Any, *arguments: Any, **options: Any) -> Any:
        if query == cancelled and not cancellations:
            cancellations.append(query)
            raise psycopg.errors.SerializationFailure("canceling statement due to conflict with recovery")
        return await execute(connection, query, *arguments, **options)

    lost: list[str] = []
    monkeypatch.setattr(Watcher, "_report", lambda _, error: lost.append(str(error)))
    monkeypatch.setattr(Connection, "execute", cancel_once)
    version = publish(on_primary)
    wait_until(lambda: bool(cancellations) and freshness.published.data_version == version, 5.0)
    assert (cancellations, lost, freshness.reachable) == ([cancelled], [], True)
    assert version_of(ask(replica_api)) == version


def remove(connection: psycopg.Connection[Any]) -> None:
    """Deletes rows and their traces, while a statement of the replica is running."""
    time.sleep(0.2)
    connection.execute("DELETE FROM public.removed WHERE number <= (SELECT min(number) + 99 FROM public.removed)")
    connection.execute("VACUUM public.removed")


def test_a_session_that_reads_a_replica_has_its_role_and_limits(on_replica: str) -> None:
    async def found() -> tuple[Any, ...]:
        async with Database(on_replica, role="logistics_reader") as database:
            return await database.fetch_row(
                "SELECT current_user, current_setting('transaction_read_only'), current_setting('statement_timeout')"
            )

    assert asyncio.run(found()) == ("logistics_reader", "on", "5s")
