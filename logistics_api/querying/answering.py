"""Answers questions about metrics from the database."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from psycopg import sql

from logistics_api.database.pool import Database
from logistics_api.database.problems import again_after_conflict
from logistics_api.errors import refused_parameter
from logistics_api.querying.metric_query import MetricQuery
from logistics_api.querying.metric_sql import Parameters, statement
from logistics_api.querying.permission import check_permission
from logistics_api.querying.planner import Plan, Source, plan
from logistics_api.querying.records import read_days
from logistics_api.querying.registry import RollupRegistry, StoredDataset
from logistics_api.querying.snapshots import is_of_snapshots, with_points
from logistics_core.catalogue import Catalogue
from logistics_core.metrics.periods import DayRange

MAX_COMPARED_DAYS = 40_000
"""Each is named to the database, with the period that it is compared with."""

ATTEMPTS = 3
"""A refresh between the choice of a pre-aggregate and the answer may happen once; hardly twice."""


@dataclass(frozen=True)
class Answer:
    """The rows of an answer, and what they come from."""

    query: MetricQuery
    plan: Plan
    stored: StoredDataset
    rows: str
    """A JSON array of objects."""
    groups: int
    """How many rows there are without a limit."""

    @property
    def data_version(self) -> int | None:
        """The data version of the figures; None if they are those of the records as they are now."""
        return self.stored.data_version if self.plan.source is Source.ROLLUP else None

    @property
    def undated(self) -> int | None:
        """Records without a day, as of the last refresh; None if that is not known, or not of the time asked for."""
        is_of_now = self.query.as_of is None and self.query.points is None
        return self.stored.undated if is_of_now else None

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The rows; numbers with a decimal point are `Decimal`."""
        found: list[dict[str, Any]] = json.loads(self.rows, parse_float=Decimal)
        return found


ROWS = sql.Identifier("Answer", "Rows")
"""The JSON array of the rows, as text, in a statement that answers a question."""


async def answer(
    database: Database,
    registry: RollupRegistry,
    catalogue: Catalogue,
    query: MetricQuery,
    shown: sql.Composable = ROWS,
) -> Answer:
    """Answers a question. `shown` makes other rows, as JSON text, of the `ROWS` that the question has.

    Raises:
        Problem: 503 if the database is unavailable, 504 if the answer takes too long.
    """
    check_permission(query, catalogue)
    stored = await registry.find(database, query.dataset, query.permitted)
    for attempt in range(ATTEMPTS):
        asked = await _within_days(database, query, stored, catalogue)
        chosen, parameters = plan(asked, stored.rollups, stored.days), Parameters()
        text = sql.SQL(
            'SELECT (SELECT data_version FROM analytics.status), {}, "Groups" FROM ({}) AS "Answer" ("Rows", "Groups")'
        ).format(shown, statement(asked, chosen, catalogue, parameters))
        version, rows, groups = await database.fetch_row(text.as_string(), parameters.values)
        if version == stored.data_version or chosen.source is Source.ROWS or attempt == ATTEMPTS - 1:
            return Answer(asked, chosen, stored, rows, groups)
        stored = await registry.find(database, query.dataset, query.permitted, again=True)
    raise AssertionError


def common_version(versions: Iterable[int | None]) -> int | None:
    """The data version that answers have in common; None if they have several, or one is of the records."""
    found = set(versions)
    return found.pop() if len(found) == 1 else None


@again_after_conflict
async def answer_rows(
    database: Database, registry: RollupRegistry, catalogue: Catalogue, query: MetricQuery
) -> tuple[Plan, Sequence[tuple[Any, ...]]]:
    """Answers a question with rows of Python's values, for files.

    Raises:
        Problem: as `answer`.
    """
    check_permission(query, catalogue)
    stored = await registry.find(database, query.dataset, query.permitted, again=True)
    asked = await _within_days(database, query, stored, catalogue)
    chosen, parameters = plan(asked, stored.rollups, stored.days), Parameters()
    text = statement(asked, chosen, catalogue, parameters, as_rows=True)
    async with database.connection() as connection:
        found = await connection.execute(text, parameters.values)
        return chosen, await found.fetchall()


async def _within_days(
    database: Database, query: MetricQuery, stored: StoredDataset, catalogue: Catalogue
) -> MetricQuery:
    """The question with a range that ends where the records do, where periods have to be listed.

    Raises:
        Problem: 422, there would be too many periods.
    """
    if is_of_snapshots(query):
        return await with_points(database, query, catalogue)
    newest = query.newest_day or (stored.newest_day if query.as_of is None else None)
    if query.dataset.dating is None or (query.grain is None and query.compare is None):
        return replace(query, newest_day=newest)
    first, last = stored.first_day, stored.last_day
    if query.as_of is not None or first is None or last is None:
        first, last, found = await read_days(database, query.dataset, query.as_of, query.permitted)
        newest = newest or (found if query.as_of is not None else None)
    asked = query.days or DayRange(date.min, date.max)
    today = datetime.now(UTC).date()  # any day will do where there are no records
    days = DayRange(
        (first or today) if asked.start == date.min else asked.start,
        (last or today) if asked.end == date.max else asked.end,
    )
    if days.days < 1:  # such as a beginning after the last day with records
        days = DayRange(asked.start, asked.start) if asked.start > date.min else DayRange(asked.end, asked.end)
    if query.compare is not None and days.days > MAX_COMPARED_DAYS:
        expected = f"a range of at most {MAX_COMPARED_DAYS:,} days, to be compared"
        raise refused_parameter("start", expected, str(days.start))
    return replace(query, days=days, newest_day=newest)
