"""The index that finds the records of a day: which datasets have it, and how a table that is large already gets it."""

import logging
from datetime import date

import pytest
from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.metrics.rollups import Rollup, contents_of
from logistics_pipeline.analytics import rollup_choice
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.rollups import computed
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database import day_indexes
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.day_indexes import build_day_index, index_name
from logistics_pipeline.migrations import migrate

CHECKS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: checks
path: checks.csv
title: Checks
description: What was checked
schema:
  primaryKey: [check_id]
  fields:
    - {name: check_id, title: Check, type: string, role: identifier, description: Its number,
       constraints: {required: true}}
    - {name: made_at, title: Made, type: date, role: time, description: When, constraints: {required: true}}
    - {name: noted_on, title: Noted, type: date, role: time, description: When, constraints: {required: true}}
    - {name: log_id, title: Log, type: string, role: dimension, description: The trip, constraints: {required: true}}
datedBy: {field: made_at}
"""
DATED = {
    "date": CHECKS,
    "timestamp": CHECKS.replace("type: date", "type: datetime", 1),
    "timestamp with a zone": CHECKS.replace("type: date", "type: datetime, timeZone: true", 1).replace(
        "made_at}", "made_at, timeZone: America/New_York}"
    ),
    "another dataset": CHECKS.replace("{field: made_at}", "{dataset: vehicle_logs, field: log_id}").replace(
        "\nschema:",
        "\nschema:\n  foreignKeys: [{fields: [log_id], reference: {resource: vehicle_logs, fields: [log_id]}}]",
    ),
}


def accepted(connection: Connection, text: str = CHECKS) -> Dataset:
    contract = contract_of_text(text, "the file")
    accept_contract(connection, contract, accepted_by="somebody", may_break=True)
    return catalogue_in_force(connection)[contract.name]


def indexes(connection: Connection, dataset: Dataset) -> dict[str, bool]:
    """The secondary indexes of a table, and whether each is complete."""
    return dict(
        connection.execute(
            "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE indrelid = %s::regclass AND NOT indisprimary",
            (dataset.table,),
        ).fetchall()
    )


def fill(connection: Connection, dataset: Dataset, rows: int = 1_000) -> None:
    connection.execute(
        sql.SQL(
            "INSERT INTO {} SELECT 'c' || n, date '2024-01-01' + n % 400, date '2024-01-01', 'l' || n, 1, n "
            "FROM generate_series(1, {}) AS n"
        ).format(sql.Identifier("raw", dataset.name), sql.Literal(rows))
    )


def plan(connection: Connection, statement: sql.Composed) -> str:
    connection.execute("SET enable_seqscan = off")
    return str(connection.execute(sql.SQL("EXPLAIN {}").format(statement)).fetchall())


@pytest.mark.parametrize("text", DATED.values(), ids=DATED)
def test_a_refresh_finds_the_records_of_a_day_by_an_index(connection: Connection, text: str) -> None:
    dataset = accepted(connection, text)
    fill(connection, dataset)
    connection.execute("ANALYZE raw.checks")

    day = computed(dataset, Rollup(("log_id",)), contents_of(dataset), [date(2024, 2, 1)])

    assert indexes(connection, dataset) == {"checks by day": True}
    assert "checks by day" in plan(connection, day)


@pytest.mark.parametrize(
    "text",
    [
        f"{CHECKS}indexes: [{{name: checks_by_time, fields: [made_at, log_id]}}]\n",
        CHECKS.replace("[check_id]", "[made_at, check_id]"),
        CHECKS.replace("datedBy: {field: made_at}\n", ""),
    ],
    ids=["an index of the contract", "the key", "no days"],
)
def test_a_dataset_that_needs_no_index_has_none(connection: Connection, text: str) -> None:
    assert "checks by day" not in indexes(connection, accepted(connection, text))


def test_the_built_in_datasets_have_what_they_need(connection: Connection) -> None:
    for dataset in catalogue_in_force(connection).values():
        assert index_name(dataset) not in indexes(connection, dataset)


def test_the_index_follows_a_contract_that_dates_the_records_by_another_field(connection: Connection) -> None:
    fill(connection, accepted(connection))

    dataset = accepted(connection, CHECKS.replace("field: made_at", "field: noted_on"))

    definition = "SELECT indexdef FROM pg_indexes WHERE indexname = 'checks by day'"
    assert "(noted_on)" in str(connection.execute(definition).fetchone())
    dataset = accepted(connection, CHECKS.replace("datedBy: {field: made_at}\n", ""))
    assert indexes(connection, dataset) == {}


@pytest.fixture
def large(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A dataset with rows, whose index is lacking: that of an older version, and too large to build it at once."""
    dataset = accepted(connection)
    fill(connection, dataset)
    connection.execute('DROP INDEX raw."checks by day"')
    monkeypatch.setattr(day_indexes, "SMALL_BYTES", 1)
    return dataset


def test_migrating_builds_the_index_of_a_large_table(
    connection: Connection, database_url: str, large: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[bool] = []
    create = day_indexes._create

    def noting(connection: Connection, dataset: Dataset, *, concurrently: bool = False) -> None:
        found.append(concurrently)
        create(connection, dataset, concurrently=concurrently)

    monkeypatch.setattr(day_indexes, "_create", noting)

    migrate(database_url)

    assert found == [True]
    assert indexes(connection, large) == {"checks by day": True}


def test_a_load_is_not_held_up_and_the_index_waits_for_a_later_migration(
    connection: Connection,
    database_url: str,
    large: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(day_indexes, "PATIENCE", "200ms")
    with connect(database_url) as writer:
        with writer.transaction(), caplog.at_level(logging.WARNING):
            writer.execute("UPDATE raw.checks SET log_id = 'x' WHERE check_id = 'c1'")
            build_day_index(connection, large)
            writer.execute("UPDATE raw.checks SET log_id = 'y' WHERE check_id = 'c2'")

        assert "'checks by day' of raw.checks was not built" in caplog.text
        assert indexes(connection, large) == {"checks by day": False}
        assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)

    build_day_index(connection, large)

    assert indexes(connection, large) == {"checks by day": True}


def test_an_index_whose_building_was_killed_is_built_again(connection: Connection, large: Dataset) -> None:
    day_indexes._create(connection, large)
    connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'raw.\"checks by day\"'::regclass")

    build_day_index(connection, large)

    assert indexes(connection, large) == {"checks by day": True}


def test_what_a_bulk_load_has_dropped_is_left_to_it(connection: Connection, large: Dataset) -> None:
    connection.execute("INSERT INTO ingest.dropped_indexes VALUES ('raw.checks', 'checks by day', 'CREATE INDEX …')")

    build_day_index(connection, large)

    assert indexes(connection, large) == {}


def test_the_days_of_timestamps_are_known_to_the_planner(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them it takes each timestamp for a day, and no dimension would fit into a pre-aggregate."""
    dataset = accepted(connection, DATED["timestamp with a zone"])
    connection.execute('DROP INDEX raw."checks by day"')
    fill(connection, dataset, 3_000)
    connection.execute("UPDATE raw.checks SET made_at = made_at + record_no % 86000 * interval '1 second'")
    connection.execute("ANALYZE raw.checks")
    connection.execute("SELECT pg_stat_force_next_flush()")
    build_day_index(connection, dataset)

    refresh(database_url, full=True)

    monkeypatch.setattr(rollup_choice, "COUNTED", 0)
    chooser = rollup_choice._Chooser(connection, dataset, contents_of(dataset), 3_000)
    assert 350 < chooser.estimate(Rollup(())) < 450
