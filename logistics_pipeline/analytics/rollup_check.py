"""Compares pre-aggregates with the records that they sum up: the proof that an incremental refresh is exact."""

from dataclasses import dataclass
from datetime import date
from random import Random

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.metrics.periods import Grain, period_of
from logistics_core.metrics.rollups import SCHEMA, Rollup, contents_of, definition_checksum, from_document
from logistics_core.sql_files import read_sql
from logistics_pipeline.analytics.rollups import computed, is_of_days
from logistics_pipeline.analytics.stale_days import WaitingBatches
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
    waiting = WaitingBatches(connection)
    return [
        dataset
        for dataset, checksum in ((catalogue.get(name), checksum) for name, checksum in known)
        if dataset is not None and definition_checksum(dataset) == checksum and not waiting.concern(dataset)
    ]


def days_to_compare(connection: Connection, dataset: Dataset) -> list[date]:
    """Some of the days that were refreshed last, and some by chance, others after each change; none if that is long."""
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
    refreshed = _days_refreshed(connection, dataset, version)
    found = chance.sample(refreshed, min(len(refreshed), (most + 1) // 2))
    return found + [date.fromordinal(last.toordinal() - chance.randrange(days)) for _ in range(most - len(found))]


def _days_refreshed(connection: Connection, dataset: Dataset, version: int) -> list[date]:
    """The days that the batches of a refresh made stale, as far as they knew them when they were committed."""
    assert dataset.dating is not None
    found = connection.execute(
        read_sql("rollups/days_refreshed").encode(),
        {"dataset": dataset.dating.dataset or dataset.name, "version": version},
    )
    return [day for (day,) in found.fetchall()]


def rollup_differences(
    connection: Connection, dataset: Dataset, days: list[date] | None = None
) -> list[RollupDifference]:
    """The pre-aggregates of a dataset with differences, on some days or on all.

    Cost: reads the records of these days and, for those by longer periods, of as many of these periods as are short
    enough. Of a dataset without days, all if there are few or all are asked for.
    """
    stored = connection.execute(
        "SELECT table_name, document, records, last_day - first_day + 1 FROM analytics.rollups "
        "JOIN analytics.rollup_datasets USING (dataset) WHERE dataset = %s AND replaced_at IS NULL ORDER BY table_name",
        (dataset.name,),
    ).fetchall()
    found = []
    for table, document, records, length in stored:
        if days == [] and (dataset.dating is not None or records > MAX_RECORDS):
            continue
        rollup = from_document(document, contents_of(dataset))
        assert rollup is not None  # the checksum is that of these contents
        compared = None if dataset.dating is None or days is None else _of_affordable(rollup, days, records, length)
        rows = 0 if compared == [] else _differing_rows(connection, dataset, table, rollup, compared)
        if rows:
            found.append(RollupDifference(dataset.name, table, rows))
    return found


def _of_affordable(rollup: Rollup, days: list[date], records: int, length: int) -> list[date]:
    """The first of some days, as far as the periods that they lie in have no more records than a sample may have."""
    if rollup.unit is Grain.DAY:
        return days
    found, read = list[date](), 0.0
    for day in days:
        read += min(period_of(day, rollup.unit).days, length) / length * records
        if read > MAX_RECORDS:
            break
        found.append(day)
    return found


def _differing_rows(
    connection: Connection, dataset: Dataset, table: str, rollup: Rollup, days: list[date] | None
) -> int:
    row = connection.execute(
        sql.SQL(read_sql("rollups/differences")).format(
            table=sql.Identifier(SCHEMA, table),
            days=is_of_days(rollup, days),
            recomputed=computed(dataset, rollup, contents_of(dataset), days),
        )
    ).fetchone()
    assert row is not None
    return int(row[0])
