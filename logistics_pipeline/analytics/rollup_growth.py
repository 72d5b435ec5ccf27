"""Finds days on which records have only been added: what these contribute can be added to rollups of longer periods.

If a day has as many more records as there are ones of the files that waiting batches wrote, all of these are new, and
none has gone: whatever was changed or replaced would be one of these records and no additional one. Where another
dataset dates the records, those count too that a file of that one has given their day: the other records have been
there before, on this day and with these values.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.metrics.periods import Grain, period_of
from logistics_core.metrics.rollups import DAY, SCHEMA, StoredRollup, day_of, page_column, source
from logistics_core.metrics.states import State, StateKind
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

RecordsByDay = Mapping[date, int]


FRESH = sql.Identifier("pg_temp", "fresh")
"""The table of the records that waiting batches wrote or dated on the stale days of a dataset, during its refresh."""


@dataclass(frozen=True)
class Growth:
    """The days on which records have only been added: their new ones are in `FRESH`."""

    days: frozenset[date]

    def without(self, days: Collection[date]) -> "Growth":
        """The same without some days, on which something else has happened too."""
        return Growth(self.days - set(days))

    def divided(self, days: Collection[date], unit: Grain) -> tuple[list[date], list[date]]:
        """The days of periods that have only grown, and those of the others."""
        changed = {period_of(day, unit) for day in days if day not in self.days}
        others = [day for day in days if period_of(day, unit) in changed]
        return [day for day in days if period_of(day, unit) not in changed], others


def records_by_day(connection: Connection, states: StoredRollup, days: Sequence[date]) -> RecordsByDay:
    """How many records some days have, by a rollup of states."""
    query = sql.SQL("SELECT {day}, sum({rows})::bigint FROM {table} WHERE {day} = ANY(%s) GROUP BY 1").format(
        day=sql.Identifier(DAY),
        rows=sql.Identifier(State(StateKind.ROWS, None).column),
        table=sql.Identifier(SCHEMA, states.table),
    )
    return dict(connection.execute(query, (list(days),)).fetchall())


def find_growth(
    connection: Connection, dataset: Dataset, days: Sequence[date], before: RecordsByDay, now: RecordsByDay
) -> Growth:
    """The days that have only grown between two refreshes, in the transaction's snapshot. Makes the table `FRESH`."""
    if not days:
        return Growth(frozenset())
    written = _written_records(connection, dataset, days)
    return Growth(frozenset(day for day in days if now.get(day, 0) - before.get(day, 0) == written.get(day, 0)))


def _are_of_waiting_files(connection: Connection, dataset: Dataset) -> sql.Composable:
    """Which records of `source` are of files whose batches wait, or are dated by one that is."""
    # Literals, so that the planner sees how many there are.
    written = sql.SQL("{} = ANY({}::int[])")
    found = written.format(page_column("file_id"), sql.Literal(_waiting_files(connection, dataset.name)))
    other = dataset.dated_through
    files = [] if other is None else _waiting_files(connection, other.name)
    if not files:
        return found
    return sql.SQL("({} OR {})").format(found, written.format(sql.Identifier("Dating", "file_id"), sql.Literal(files)))


def _waiting_files(connection: Connection, dataset: str) -> list[int]:
    found = connection.execute(read_sql("analytics/files_of_waiting_batches").encode(), {"dataset": dataset})
    return [file for (file,) in found.fetchall()]


def _written_records(connection: Connection, dataset: Dataset, days: Sequence[date]) -> RecordsByDay:
    """Copies the records that waiting batches wrote or dated; returns how many each day has."""
    day = day_of(dataset)
    assert day is not None
    parts = {
        "fresh": FRESH,
        "day": day,
        "source": source(dataset),
        "copied": source(dataset, FRESH),
        "days": sql.Literal(list(days)),
        "are_fresh": _are_of_waiting_files(connection, dataset),
    }
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE fresh ON COMMIT DROP AS SELECT page.* FROM {source} "
            "WHERE {day} = ANY({days}::date[]) AND {are_fresh}"
        ).format(**parts)
    )
    return dict(
        connection.execute(sql.SQL("SELECT {day}, count(*) FROM {copied} GROUP BY 1").format(**parts)).fetchall()
    )
