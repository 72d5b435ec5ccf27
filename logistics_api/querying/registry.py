"""Which pre-aggregates the database has, by dataset: read once per data version, for each dataset that is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from cachetools import LRUCache
from psycopg import sql

from logistics_api.database.pool import Database
from logistics_api.querying.records import Days, read_days
from logistics_api.row_access.permitted import PermittedRows
from logistics_core.catalogue import Dataset
from logistics_core.metrics.periods import DayRange
from logistics_core.metrics.rollups import DAY, SCHEMA, StoredRollup, contents_of, definition_checksum, from_document

ROLLUPS = """
-- Returns the pre-aggregates of a dataset.
-- One row: the data version; what the last refresh noted about the dataset as JSON, or NULL; its pre-aggregates as
-- JSON.
-- Reads analytics.status, .rollup_datasets, .rollups.
SELECT
    (SELECT data_version FROM analytics.status),
    (
        SELECT json_build_object(
            'checksum', checksum, 'first_day', first_day, 'last_day', last_day, 'records', records, 'dated', dated
        )
        FROM analytics.rollup_datasets
        WHERE dataset = %(dataset)s
    ),
    (
        SELECT coalesce(json_agg(json_build_array(table_name, document, rows) ORDER BY table_name), '[]')
        FROM analytics.rollups
        WHERE dataset = %(dataset)s AND replaced_at IS NULL
    )
"""


DAYS_KEPT = 1_024
"""Datasets whose days are kept, for each of the callers that may see some rows only."""


@dataclass(frozen=True)
class StoredDataset:
    """What the database has about a dataset beside its records, as of one data version."""

    data_version: int
    rollups: tuple[StoredRollup, ...]
    """Empty if there are none yet, or if those that there are do not hold what the metrics need."""
    first_day: date | None = None
    last_day: date | None = None
    newest_day: date | None = None
    """The newest day that is not in the future."""
    records: int | None = None
    """None if no refresh has counted them yet."""
    undated: int | None = None
    """Records without a day, which no metric counts; None like `records`."""

    @property
    def days(self) -> DayRange | None:
        """From the first to the last day with records; None if there is none, or no refresh has noted them yet."""
        return None if self.first_day is None or self.last_day is None else DayRange(self.first_day, self.last_day)


class RollupRegistry:
    """Remembers what was read, until another data version has been published."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Dataset, StoredDataset]] = {}
        self._days: LRUCache[tuple[str, PermittedRows, int], Days] = LRUCache(DAYS_KEPT)

    async def find(
        self, database: Database, dataset: Dataset, permitted: PermittedRows | None = None, *, again: bool = False
    ) -> StoredDataset:
        """What is known about a dataset, with the days of the rows that are permitted; `again` reads it in any case.

        Raises:
            Problem: as `Database.fetch_row`.
        """
        stored = await self._find(database, dataset, again=again)
        if permitted is None:
            return stored
        # What the refresh noted is of all rows.
        first, last, newest = await self._days_of(database, dataset, stored, permitted)
        return replace(stored, first_day=first, last_day=last, newest_day=newest, records=None, undated=None)

    async def _days_of(
        self, database: Database, dataset: Dataset, stored: StoredDataset, permitted: PermittedRows
    ) -> Days:
        if dataset.dating is None or stored.days is None:
            return None, None, None
        key = dataset.name, permitted, stored.data_version
        days = self._days.get(key)
        if days is None:
            days = self._days[key] = await read_days(database, dataset, None, permitted)
        return days

    async def _find(self, database: Database, dataset: Dataset, *, again: bool) -> StoredDataset:
        published = database.freshness.published
        known_dataset, known = self._known.get(dataset.name, (None, None))
        is_current = known is not None and published is not None and known.data_version == published.data_version
        if known is not None and is_current and known_dataset is dataset and not again:
            return known
        stored = await _read(database, dataset)
        self._known[dataset.name] = (dataset, stored)
        return stored


async def _read(database: Database, dataset: Dataset) -> StoredDataset:
    version, known, listed = await database.fetch_row(ROLLUPS, {"dataset": dataset.name})
    if known is None or known["checksum"] != definition_checksum(dataset):
        return StoredDataset(version, ())
    contents = contents_of(dataset)
    rollups = [(table, from_document(document, contents), rows) for table, document, rows in listed]
    stored = tuple(StoredRollup(table, rollup, rows) for table, rollup, rows in rollups if rollup is not None)
    return _with_days(version, stored, known, await _newest_day(database, dataset, known, stored))


def _with_days(
    version: int, stored: tuple[StoredRollup, ...], known: Mapping[str, Any], newest: date | None
) -> StoredDataset:
    return StoredDataset(
        version,
        stored,
        first_day=_day(known["first_day"]),
        last_day=_day(known["last_day"]),
        newest_day=newest,
        records=known["records"],
        undated=known["records"] - known["dated"],
    )


async def _newest_day(
    database: Database, dataset: Dataset, known: Mapping[str, Any], stored: tuple[StoredRollup, ...]
) -> date | None:
    last, today = _day(known["last_day"]), datetime.now(UTC).date()
    if last is None or last <= today:
        return last
    smallest = min((each for each in stored if each.rollup.values is None), key=lambda each: each.rows, default=None)
    if smallest is None:
        return None
    query = sql.SQL("SELECT max({day}) FROM {table} WHERE {day} <= %(today)s").format(
        day=sql.Identifier(DAY), table=sql.Identifier(SCHEMA, smallest.table)
    )
    found: date | None = await database.fetch_value(query.as_string(), {"today": today})
    return found


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
