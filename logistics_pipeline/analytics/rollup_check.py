"""Compares pre-aggregates with the records that they sum up: the proof that an incremental refresh is exact."""

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.metrics.rollups import SCHEMA, contents_of, definition_checksum, from_document
from logistics_core.sql_files import read_sql
from logistics_pipeline.analytics.rollups import computed, is_of_days
from logistics_pipeline.analytics.stale_days import is_stale, waiting_files
from logistics_pipeline.database.connections import Connection

SAMPLED_DAYS = 5
MAX_RECORDS = 100_000
"""A sample has so many records at most: a dataset without days, or with more records per day, is compared on demand."""


@dataclass(frozen=True)
class RollupDifference:
    """A pre-aggregate that is not what a full recompute would make of it."""

    dataset: str
    table: str
    rows: int
    """Rows that it has and should not have, or the other way round."""


def rollups_at_rest(connection: Connection, catalogue: Catalogue) -> list[Dataset]:
    """The datasets with pre-aggregates that no waiting batch has made stale, and that need not be made anew."""
    known = connection.execute("SELECT dataset, checksum FROM analytics.rollup_datasets ORDER BY dataset").fetchall()
    waiting = waiting_files(connection)
    return [
        dataset
        for dataset, checksum in ((catalogue.get(name), checksum) for name, checksum in known)
        if dataset is not None and definition_checksum(dataset) == checksum and not is_stale(dataset, waiting)
    ]


def days_to_compare(connection: Connection, dataset: Dataset) -> list[date]:
    """Some days of a dataset by chance, others after each change; none if that would be long."""
    row = connection.execute(
        "SELECT first_day, last_day, records, data_version FROM analytics.rollup_datasets WHERE dataset = %s",
        (dataset.name,),
    ).fetchone()
    if row is None or dataset.dating is None or row[0] is None:
        return []
    first, last, records, version = row
    days = (last - first).days + 1
    chance = Random(version)
    most = max(0, min(SAMPLED_DAYS, MAX_RECORDS * days // max(records, 1)))
    return [date.fromordinal(last.toordinal() - chance.randrange(days)) for _ in range(most)]


def rollup_differences(
    connection: Connection, dataset: Dataset, days: list[date] | None = None
) -> list[RollupDifference]:
    """The pre-aggregates of a dataset with differences, on some days or on all.

    Cost: reads the records of these days. Of a dataset without days, all if there are few or all are asked for.
    """
    stored = connection.execute(
        "SELECT table_name, document, rollup_datasets.records FROM analytics.rollups "
        "JOIN analytics.rollup_datasets USING (dataset) WHERE dataset = %s AND replaced_at IS NULL ORDER BY table_name",
        (dataset.name,),
    ).fetchall()
    found = []
    for table, document, records in stored:
        if days == [] and (dataset.dating is not None or records > MAX_RECORDS):
            continue
        rows = _differing_rows(connection, dataset, table, document, None if dataset.dating is None else days)
        if rows:
            found.append(RollupDifference(dataset.name, table, rows))
    return found


def _differing_rows(
    connection: Connection, dataset: Dataset, table: str, document: dict[str, Any], days: list[date] | None
) -> int:
    contents = contents_of(dataset)
    rollup = from_document(document, contents)
    assert rollup is not None  # the checksum is that of these contents
    row = connection.execute(
        sql.SQL(read_sql("rollups/differences")).format(
            table=sql.Identifier(SCHEMA, table),
            days=is_of_days(rollup, days),
            recomputed=computed(dataset, rollup, contents, days),
        )
    ).fetchone()
    assert row is not None
    return int(row[0])
