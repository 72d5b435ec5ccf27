"""Compares the analytics with what computing them once more from the raw rows gives. Knows no Dagster.

The recompute is the refresh's own statement; the comparison goes both ways. All of it reads one snapshot, so loads and
refreshes that go on meanwhile do not disturb it. A day that committed batches have made stale is out of date by design,
and no difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from psycopg import sql

from logistics_pipeline.analytics.checks.findings import Finding
from logistics_pipeline.analytics.checks.queries import ask, ask_one
from logistics_pipeline.analytics.refresh import compute, fresh_rows, stale_days
from logistics_pipeline.database.connections import Connection

RECENT_DAYS = 4
OTHER_DAYS = 2
MOST_ROWS = 60_000
"""So many days are in a sample, as long as they are computed from no more logs and shipments than that: 0.2 s for two
days of 27,000 rows each, out of 20 million."""

MOST_LISTED = 10


@dataclass(frozen=True)
class Difference:
    """A day whose stored rows are not those of the recompute."""

    day: date
    only_stored: int
    only_recomputed: int
    stored_example: str | None
    recomputed_example: str | None


@dataclass(frozen=True)
class Comparison:
    """What comparing one analytics table found."""

    table: str
    days: list[date] | None
    """The days compared; None for all."""
    stale: int
    """Days that differ because batches wait for the next refresh."""
    differences: list[Difference]
    refresh_is_due: bool = False
    """Every day waits to be computed: there was nothing to compare."""

    def finding(self) -> Finding:
        """The comparison as the finding of a check."""
        figures: dict[str, Any] = {"days_differing": len(self.differences), "days_stale": self.stale}
        if self.refresh_is_due:
            return Finding.passing("Not compared: the next refresh computes every day anew.", figures)
        if self.days is not None:
            figures |= {"days_compared": len(self.days), "days": [day.isoformat() for day in self.days]}
        compared = "every day" if self.days is None else f"{len(self.days):,} days"
        if not self.differences:
            return Finding.passing(f"{compared.capitalize()} compared: the same.", figures)
        figures["differences"] = [_as_figure(difference) for difference in self.differences[:MOST_LISTED]]
        listed = ", ".join(difference.day.isoformat() for difference in self.differences[:3])
        more = ", ..." if len(self.differences) > 3 else ""
        return Finding.error(
            f"analytics.{self.table} is not what its raw rows give on {len(self.differences):,} of {compared} compared "
            f"({listed}{more}). `logistics refresh --full` makes it right; please report how it came about.",
            figures,
        )


def _as_figure(difference: Difference) -> dict[str, Any]:
    return difference.__dict__ | {"day": difference.day.isoformat()}


def compare(connection: Connection, table: str, *, whole: bool = False) -> Comparison:
    """Compares a table on a sample of days, or the whole of it. Needs a transaction that reads one snapshot."""
    is_due, version, first_day, last_day = ask_one(connection, "status")
    if is_due:
        return Comparison(table, [], 0, [], refresh_is_due=True)
    days = [] if whole else sample_days(connection, version, first_day, last_day)
    found = list(_differences(connection, table, days, whole))
    # Asked only where it matters: it costs what the next refresh will pay for the same question.
    stale = set(stale_days(connection)) if found else set()
    differences = [difference for difference in found if difference.day not in stale]
    return Comparison(table, None if whole else days, len(found) - len(differences), differences)


def sample_days(connection: Connection, seed: int, first_day: date | None, last_day: date | None) -> list[date]:
    """The days to compare: of those that the last refresh computed, and of all others, the same for the same seed.

    Bounded in days and in the rows they are computed from, except that one of those refreshed last and one other are
    always among them.
    """
    random = Random(seed)
    refreshed = [day for (day,) in ask(connection, "days_refreshed_last")]
    recent = refreshed if len(refreshed) <= RECENT_DAYS else random.sample(refreshed, RECENT_DAYS)
    others = []
    if first_day is not None and last_day is not None:
        for _ in range(OTHER_DAYS):
            chosen = date.fromordinal(random.randint(first_day.toordinal(), last_day.toordinal()))
            others += [day for day in ask_one(connection, "next_day", day=chosen) if day is not None]
    others = [day for day in dict.fromkeys(others) if day not in recent]
    left, kept = MOST_ROWS, []
    for day in recent[:1] + others[:1] + recent[1:] + others[1:]:
        (size,) = ask_one(connection, "day_size", day=day)
        if size <= left or day in (*recent[:1], *others[:1]):
            kept.append(day)
            left -= size
    return sorted(kept)


def _differences(connection: Connection, table: str, days: list[date], whole: bool) -> Iterator[Difference]:
    names = {"table": sql.Identifier("analytics", table), "recomputed": sql.SQL(fresh_rows(table))}
    compute(connection, table, days, full=whole)
    for row in ask(connection, "differences", **names, full=whole, days=days):
        yield Difference(*row)
