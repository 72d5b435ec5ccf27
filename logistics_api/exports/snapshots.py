"""Reads a table as it was at one moment, batch by batch, whatever is loaded meanwhile. Holds two batches at most."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from psycopg import AsyncConnection

from logistics_api.database import Database
from logistics_api.exports import queries
from logistics_api.exports.queries import Lines
from logistics_api.rows.datasets import Dataset

BLOCKS = 64
"""Of the table, in one batch: 512 kB, some 5,000 rows, less than 1 MB of text, about 10 ms of the database."""

STALLED_SECONDS = 60.0
"""A client that takes nothing for so long loses its export: it holds a connection, and old rows cannot be vacuumed."""

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What is to be exported."""

    dataset: Dataset
    columns: tuple[str, ...]
    filters: Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """Some rows, as text: each with its line feed."""

    lines: str
    rows: int


@dataclass(frozen=True)
class Needs:
    """What the values of a column of numbers need to be kept exactly."""

    digits: int
    """Before the decimal point."""
    scale: int
    """Digits behind it."""


class Snapshot:
    """The rows of one moment."""

    def __init__(self, connection: AsyncConnection[tuple[Any, ...]], wanted: Wanted) -> None:
        self._connection = connection
        self.wanted = wanted

    async def batches(self, lines: Lines) -> AsyncGenerator[Batch, None]:
        """All rows that are wanted, once each, in the order they are stored in. Never an empty batch."""
        wanted = self.wanted
        statement = queries.batch(wanted.dataset, tuple(wanted.filters), wanted.columns, lines)
        (blocks,) = await self._row(queries.blocks(wanted.dataset), {})
        for first in range(0, blocks, BLOCKS):
            between = {"first": f"({first},0)", "behind": f"({first + BLOCKS},0)"}
            text, rows = await self._row(statement, {**wanted.filters, **between})
            if rows:
                yield Batch(text, rows)

    async def needs(self, columns: Sequence[str]) -> dict[str, Needs]:
        """What these columns need for the rows that are wanted. Reads the table once."""
        if not columns:
            return {}
        wanted = self.wanted
        statement = queries.largest(wanted.dataset, tuple(wanted.filters), tuple(columns))
        found = iter(await self._row(statement, wanted.filters))
        return {column: _needs(next(found), next(found)) for column in columns}

    async def _row(self, statement: bytes, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        # Never prepared: the plan must know which blocks are meant, and what the filters leave of them.
        found = await self._connection.execute(statement, parameters, prepare=False)
        return await found.fetchone() or ()


@asynccontextmanager
async def take_snapshot(database: Database, wanted: Wanted) -> AsyncIterator[Snapshot]:
    """Lends the rows as they are now.

    Raises:
        Problem: as `Database.connection`.
    """
    async with database.connection() as connection, connection.transaction():
        seconds = database.limits.statement_seconds
        await connection.execute(
            queries.begin(wanted.dataset, statement_seconds=seconds, idle_seconds=2 * STALLED_SECONDS)
        )
        yield Snapshot(connection, wanted)


async def ahead(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same, with the next one on its way while the last one is worked on. Closes the source when it is closed."""
    coming = asyncio.ensure_future(anext(source))
    try:
        while True:
            try:
                item = await coming
            except StopAsyncIteration:
                return
            coming = asyncio.ensure_future(anext(source))
            yield item
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await source.aclose()


def _needs(largest: Decimal | None, scale: int | None) -> Needs:
    return Needs(0 if largest is None else max(0, largest.adjusted() + 1), scale or 0)
