"""Divides all days into parts with about as many records each, for statements that compute every day anew.

Rows per day and vehicle, or per day and route, are so many that PostgreSQL computes them in one process: putting
together what several have summed up would take longer. Those of different days have nothing in common. So the same
statement once for each part, joined by UNION ALL, is computed in several processes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.row_days import day_of_row
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

DIVIDED_BYTES = 32 << 20
"""A smaller table is not divided: each part reads all of it."""

MOST_PARTS = 4
"""However many processes the server grants: beyond that, reading everything again takes more than is gained."""

SAMPLED_BLOCKS = 200
"""Enough to tell where the parts begin, in some milliseconds."""


class DayPart(NamedTuple):
    """The days from the first to the last, both included, as PostgreSQL writes them."""

    first: str
    last: str


ALL_DAYS = DayPart("-infinity", "infinity")


def day_parts(connection: Connection, dataset: Dataset) -> list[DayPart]:
    """Parts of all days, one for each process; `dataset` is one whose records have days.

    Only one where the table is small, or where the server grants a statement no further processes.
    """
    dated = dataset.dated_through or dataset
    blocks, size, processes = _sizes(connection, dated)
    parts = min(processes, MOST_PARTS) if size >= DIVIDED_BYTES else 1
    if parts < 2:
        return [ALL_DAYS]
    return parts_between(_bounds(connection, dated, parts, 100 * min(1, SAMPLED_BLOCKS / max(blocks, 1))))


def parts_between(bounds: Sequence[tuple[str, str]]) -> list[DayPart]:
    """The parts between bounds: each the last day of one part and the first day of the next."""
    firsts = [ALL_DAYS.first, *(first for _, first in bounds)]
    lasts = [*(last for last, _ in bounds), ALL_DAYS.last]
    return [DayPart(first, last) for first, last in zip(firsts, lasts, strict=True)]


def _sizes(connection: Connection, dataset: Dataset) -> tuple[int, int, int]:
    """Blocks and bytes of a table, and how many processes may help with a statement."""
    row = connection.execute(
        "SELECT size / current_setting('block_size')::bigint, size, "
        "current_setting('max_parallel_workers_per_gather')::int FROM pg_relation_size(%s::regclass) AS size",
        (dataset.table,),
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _bounds(connection: Connection, dataset: Dataset, parts: int, percent: float) -> list[tuple[str, str]]:
    found = connection.execute(
        sql.SQL(read_sql("analytics/day_bounds")).format(
            shares=sql.Literal([number / parts for number in range(1, parts)]),
            day=day_of_row(dataset),
            table=sql.Identifier("raw", dataset.name),
            percent=sql.Literal(percent),
        )
    )
    return [(last, first) for last, first, _ in found.fetchall()]
