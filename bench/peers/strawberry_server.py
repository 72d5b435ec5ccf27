"""`python strawberry_server.py PORT URL`: shipments by Strawberry, as its documentation has it. Imports nothing of the
project.

One statement per page, over a pool; types and resolvers as its guide shows them, with its parser and validation caches.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import strawberry
import uvicorn
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

PAGE = """
SELECT shipment_id, origin, destination, weight, cost, delivery_time, log_id, record_no
FROM raw.shipments
ORDER BY shipment_id
LIMIT %s
"""


@strawberry.type
class Shipment:
    """A shipment."""

    shipment_id: str
    origin: str | None
    destination: str | None
    weight: Decimal | None
    cost: Decimal | None
    delivery_time: Decimal | None
    log_id: str | None
    record_no: int


@strawberry.type
class Connection:
    """A page."""

    nodes: list[Shipment]


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    async def shipments(self, first: int = 100) -> Connection:
        async with pool.connection() as connection, connection.cursor(row_factory=class_row(Shipment)) as cursor:
            await cursor.execute(PAGE, (first,))
            return Connection(nodes=await cursor.fetchall())


pool: AsyncConnectionPool[Any]
application = GraphQL(strawberry.Schema(Query, extensions=[ParserCache(), ValidationCache()]))


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[None]:
    global pool
    async with AsyncConnectionPool(url, min_size=8, max_size=8, kwargs={"autocommit": True}) as pool:
        yield


async def serve(scope: Any, receive: Any, send: Any) -> None:
    """The application with the pool around it."""
    if scope["type"] != "lifespan":
        await application(scope, receive, send)
        return
    await receive()
    async with pooled(sys.argv[2]):
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    uvicorn.run(serve, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="on")
