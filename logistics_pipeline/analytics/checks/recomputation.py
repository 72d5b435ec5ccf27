"""Compares the analytics with a recomputation from the raw rows. Independent of Dagster.

The recomputation is the refresh's own statement; the comparison goes both ways. All of it reads one snapshot, so loads
and refreshes that run meanwhile do not disturb it. A day that committed batches have made stale is out of date by
design, and does not count as a difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from psycopg import sql

from logistics_pipeline.analytics.checks.model import Finding
from logistics_pipeline.analytics.checks.queries import fetch_all, fetch_one
from logistics_pipeline.analytics.refresh import compute, fresh_rows, stale_days
from logistics_pipeline.database.connections import Connection

RECENT_DAYS = 4
OTHER_DAYS = 2
MAX_ROWS = 60_000
"""A sample has this many days, as long as they are computed from no more logs and shipments than that: 0.2 s for two
days of 27,000 rows each, out of 20 million."""

MAX_LISTED = 10


@dataclass(frozen=True)
class Difference:
    """A day whose stored rows differ from the recomputed ones."""

    day: date
    only_stored: int
    only_recomputed: int
    stored_example: str | None
    recomputed_example: str | None


@dataclass(frozen=True)
class Comparison:
    """The result of comparing one analytics table."""

    table: str
    days: list[date] | None
    """The days compared; None for all."""
    stale: int
    """Days that differ because batches wait for the next refresh."""
    differences: list[Difference]
    refresh_is_due: bool = False
    """Every day waits to be computed, so there was nothing to compare."""

    def finding(self) -> Finding:
        """The comparison as the finding of a check."""
        figures: dict[str, Any] = {"days_differing": len(self.differences), "days_stale": self.stale}
        if self.refresh_is_due:
            return Finding.passing("Not compared: the next refresh recomputes every day.", figures)
        if self.days is not None:
            figures |= {"days_compared": len(self.days), "days": [day.isoformat() for day in self.days]}
        compared = "every day" if self.days is None else f"{len(self.days):,} days"
        if not self.differences:
            return Finding.passing(f"{compared.capitalize()} compared: the same.", figures)
        figures["differences"] = [_as_figure(difference) for difference in self.differences[:MAX_LISTED]]
        listed = ", ".join(difference.day.isoformat() for difference in self.differences[:3])
        more = ", ..." if len(self.differences) > 3 else ""
        return Finding.error(
            f"analytics.{self.table} differs from its raw rows on {len(self.differences):,} of {compared} compared "
            f"({listed}{more}). `logistics refresh --full` corrects it; please report how it happened.",
            figures,
        )


def _as_figure(difference: Difference) -> dict[str, Any]:
    return difference.__dict__ | {"day": difference.day.isoformat()}


def compare(connection: Connection, table: str, *, whole: bool = False) -> Comparison:
    """Compares a table on a sample of days, or on all. Needs a transaction that reads one snapshot."""
    is_due, version, first_day, last_day = fetch_one(connection, "status")
    if is_due:
        return Comparison(table, [], 0, [], refresh_is_due=True)
    days = [] if whole else sample_days(connection, version, first_day, last_day)
    found = list(_differences(connection, table, days, whole))
    # Queried only where it matters: it costs as much as the same query in the next refresh.
    stale = set(stale_days(connection)) if found else set()
    differences = [difference for difference in found if difference.day not in stale]
    return Comparison(table, None if whole else days, len(found) - len(differences), differences)


def sample_days(connection: Connection, seed: int, first_day: date | None, last_day: date | None) -> list[date]:
    """The days to compare: some that the last refresh computed and some others, the same for the same seed.

    Limited in days and in the rows they are computed from, except that the sample always has one of the days refreshed
    last and one other.
    """
    random = Random(seed)
    refreshed = [day for (day,) in fetch_all(connection, "days_refreshed_last")]
    recent = refreshed if len(refreshed) <= RECENT_DAYS else random.sample(refreshed, RECENT_DAYS)
    others = []
    if first_day is not None and last_day is not None:
        for _ in range(OTHER_DAYS):
            chosen = date.fromordinal(random.randint(first_day.toordinal(), last_day.toordinal()))
            others += [day for day in fetch_one(connection, "next_day", day=chosen) if day is not None]
    others = [day for day in dict.fromkeys(others) if day not in recent]
    left, kept = MAX_ROWS, []
    for day in recent[:1] + others[:1] + recent[1:] + others[1:]:
        (size,) = fetch_one(connection, "day_size", day=day)
        if size <= left or day in (*recent[:1], *others[:1]):
            kept.append(day)
            left -= size
    return sorted(kept)


def _differences(connection: Connection, table: str, days: list[date], whole: bool) -> Iterator[Difference]:
    compute(connection, table, days, full=whole)
    names = {"table": sql.Identifier("analytics", table), "recomputed": sql.SQL(fresh_rows(connection, table))}
    for row in fetch_all(connection, "differences", **names, full=whole, days=days):
        yield Difference(*row)
