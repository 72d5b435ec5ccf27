"""Dagster's storage in a real PostgreSQL: how many connections its statements take, and what becomes of lost ones."""

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import sqlalchemy
import yaml
from sqlalchemy import event
from sqlalchemy.pool import Pool

from logistics_pipeline.database.kept_connections import KEPT_CONNECTIONS
from logistics_pipeline.orchestration.runtime.storage import kept_engine
from tests.checkout import PROJECT_ROOT
from tests.conftest import with_database


@pytest.fixture(scope="module")
def dagster_url(server_url: str) -> Iterator[str]:
    """The URL of an empty database, for the tests of this module: making Dagster's tables takes two seconds."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dagster_storage")
        yield with_database(server_url, "dagster_storage")
        connection.execute("DROP DATABASE dagster_storage WITH (FORCE)")


@pytest.fixture
def home(tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The home of an instance with the storage of `dagster.yaml`. The first one makes the tables."""
    configuration = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"storage": configuration["storage"]}))
    monkeypatch.setenv("LOGISTICS_DAGSTER_DATABASE_URL", dagster_url)
    yield str(tmp_path)
    kept_engine.cache_clear()


@pytest.fixture
def connects() -> Iterator[list[int]]:
    """The server processes of the connections that are made, one after the other."""
    made: list[int] = []

    def note(connection: psycopg.Connection, _: object) -> None:
        made.append(connection.info.backend_pid)

    event.listen(Pool, "connect", note)
    yield made
    event.remove(Pool, "connect", note)


def work(instance: dg.DagsterInstance) -> None:
    """What a run and a sensor ask for: events, runs, partitions, and how sensors are doing."""
    for number in range(10):
        instance.report_runless_asset_event(dg.AssetMaterialization("rows", partition=str(number)))
    assert len(instance.fetch_materializations(dg.AssetKey("rows"), limit=100).records) % 10 == 0
    instance.add_dynamic_partitions("files", ["a"])
    assert instance.get_runs() == []
    assert instance.all_instigator_state() == []
    assert instance.get_run_records() == []


def test_statements_share_the_connections_of_their_process(home: str, connects: list[int]) -> None:
    with dg.DagsterInstance.from_config(home) as instance:
        work(instance)
    connects.clear()
    for _ in range(3):
        with dg.DagsterInstance.from_config(home) as instance:
            work(instance)
    assert len(connects) <= KEPT_CONNECTIONS


def test_a_lost_connection_is_replaced_before_it_is_used(home: str, dagster_url: str, connects: list[int]) -> None:
    with dg.DagsterInstance.from_config(home) as instance:
        work(instance)
        with psycopg.connect(dagster_url, autocommit=True) as other:
            for process in set(connects):
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (process,))
        work(instance)


def test_what_its_tables_have_is_asked_once(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.DagsterInstance.from_config(home) as instance:
        work(instance)
    asked: list[object] = []
    inspect = sqlalchemy.inspect
    monkeypatch.setattr(sqlalchemy, "inspect", lambda subject: asked.append(subject) or inspect(subject))
    with dg.DagsterInstance.from_config(home) as instance:
        work(instance)
    assert asked == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_has_connections_of_its_own(home: str, connects: list[int]) -> None:
    with dg.DagsterInstance.from_config(home) as instance:
        work(instance)
        before = set(connects)
        found = multiprocessing.get_context("fork").SimpleQueue()

        def fork() -> None:
            connects.clear()
            work(instance)
            found.put(set(connects))

        process = multiprocessing.get_context("fork").Process(target=fork)
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert not found.empty()
        own = found.get()
        assert own
        assert not own & before
        connects.clear()
        work(instance)
        assert connects == []  # those of the parent are still open
