"""Reads a table as it was at one moment, batch by batch, whatever is loaded meanwhile. Holds three batches at most.

Where a second connection is idle it shares the first one's snapshot and makes every other batch: writing rows as text
is what an export costs, and PostgreSQL does that in one process per connection.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import cycle
from typing import Any

import psycopg
from psycopg import AsyncConnection

from logistics_api.as_of.relations import AS_OF
from logistics_api.database.pool import Database
from logistics_api.exports import queries
from logistics_api.exports.queries import Lines
from logistics_api.rows.tables import Table
from logistics_core.sql_files import read_sql

BLOCKS = 64
"""Of the table, in one batch: 512 kB, some 5,000 rows, less than 1 MB of text, about 10 ms of the database."""

STALLED_SECONDS = 60.0
"""An export ends if its client reads nothing for this long: it holds a connection and prevents vacuuming old rows."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What to export."""

    table: Table
    columns: tuple[str, ...]
    filters: Mapping[str, Any]
    as_of: int | None = None
    """The number of the last file that counts; None if all do."""

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of its statements."""
        return {**self.filters} if self.as_of is None else {**self.filters, AS_OF: self.as_of}


@dataclass(frozen=True)
class Batch:
    """Some rows, as text in UTF-8: each with its line feed."""

    lines: bytes
    rows: int


@dataclass(frozen=True)
class Needs:
    """What the values of a column of numbers need to be kept exactly."""

    digits: int
    """Before the decimal point."""
    scale: int
    """Digits behind it."""


class Snapshot:
    """The rows of one moment, as one connection or several see it."""

    def __init__(
        self, connections: Sequence[AsyncConnection[tuple[Any, ...]]], wanted: Wanted, *, is_distributed: bool
    ) -> None:
        """`is_distributed`: the rows lie on the nodes of a cluster."""
        self._connections = connections
        self.wanted = wanted
        self._is_distributed = is_distributed

    async def batches(self, lines: Lines) -> AsyncGenerator[Batch, None]:
        """Yields the selected rows, once each, in storage order. Never an empty batch.

        Each connection makes one while the last one is worked on.
        """
        wanted = self.wanted
        is_as_of = wanted.as_of is not None
        statement = queries.batch(
            wanted.table,
            tuple(wanted.filters),
            wanted.columns,
            lines,
            as_of=is_as_of,
            is_distributed=self._is_distributed,
        )
        # On a cluster, a range of blocks is read of every shard.
        pages = "shard_pages" if self._is_distributed else "pages"
        _, blocks, shards = await self._row(
            self._connections[0], read_sql(f"distribution/{pages}").encode(), {"table": f"raw.{wanted.table.name}"}
        )
        size = max(1, BLOCKS // shards)
        starts = iter(range(0, blocks, size))
        coming: deque[asyncio.Task[tuple[Any, ...]]] = deque()

        def ask(connection: AsyncConnection[tuple[Any, ...]]) -> None:
            if (first := next(starts, None)) is not None:
                between = {"First": f"({first},0)", "Behind": f"({first + size},0)"}
                coming.append(asyncio.create_task(self._row(connection, statement, {**wanted.values, **between})))

        try:
            for connection in self._connections:
                ask(connection)
            free = cycle(self._connections)
            while coming:
                text, rows = await coming[0]
                coming.popleft()
                ask(next(free))
                if rows:
                    yield Batch(text, rows)
        finally:
            for task in coming:
                task.cancel()
            await asyncio.gather(*coming, return_exceptions=True)

    async def needs(self, columns: Sequence[str]) -> dict[str, Needs]:
        """What these columns need for the rows that are wanted. Reads the table once."""
        if not columns:
            return {}
        wanted = self.wanted
        is_as_of = wanted.as_of is not None
        statement = queries.largest(wanted.table, tuple(wanted.filters), tuple(columns), as_of=is_as_of)
        (measures,) = await self._row(self._connections[0], statement, wanted.values)
        found = iter(measures)
        return {column: _needs(next(found), next(found)) for column in columns}

    async def _row(
        self, connection: AsyncConnection[tuple[Any, ...]], statement: bytes, parameters: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        # Never prepared: the plan must know which blocks are meant, and what the filters leave of them.
        # Binary: the lines arrive as the bytes that go out.
        found = await connection.execute(statement, parameters, prepare=False, binary=True)
        return await found.fetchone() or ()


@asynccontextmanager
async def take_snapshot(database: Database, wanted: Wanted) -> AsyncIterator[Snapshot]:
    """Provides a snapshot of the rows.

    Raises:
        Problem: as `Database.connection`.
    """
    begin = partial(
        queries.begin,
        wanted.table,
        statement_seconds=database.limits.statement_seconds,
        idle_seconds=2 * STALLED_SECONDS,
    )
    async with database.connection() as connection, connection.transaction():
        await connection.execute(begin())
        found = await connection.execute(
            read_sql("distribution/is_distributed").encode(), {"table": f"raw.{wanted.table.name}"}
        )
        if await found.fetchone() == (True,):
            yield Snapshot(
                [connection], wanted, is_distributed=True
            )  # other nodes share no snapshot of the coordinator
            return
        connections = [connection]
        async with database.spare_connection() as spare, AsyncExitStack() as transaction:
            if spare is not None:
                shared = await connection.execute("SELECT pg_export_snapshot()")
                (name,) = await shared.fetchone() or ()
                try:
                    async with AsyncExitStack() as joining:
                        await joining.enter_async_context(spare.transaction())
                        await spare.execute(begin(snapshot=name))
                        transaction.push_async_exit(joining.pop_all())
                    connections.append(spare)
                except psycopg.Error as error:
                    logger.info("An export goes on with one connection: %s", str(error).strip())
            yield Snapshot(connections, wanted, is_distributed=False)


def _needs(largest: Decimal | None, scale: Decimal | None) -> Needs:
    return Needs(0 if largest is None else max(0, largest.adjusted() + 1), int(scale or 0))
