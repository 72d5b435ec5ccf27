"""Reads one page of rows: from the query parameters to the JSON of the response."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import AsyncConnection

from logistics_api.database.pool import Database
from logistics_api.parameters import cursors
from logistics_api.parameters.cursors import KeyType
from logistics_api.rows import queries
from logistics_api.rows.filters import given_filters
from logistics_api.rows.queries import CAP
from logistics_api.rows.schemas import RowPaging
from logistics_api.rows.tables import Kind, Table

FEW = 1_000
"""If the planner expects at most this number of rows, all of them are read and sorted."""

_KEY_TYPES: dict[Kind, KeyType] = {"string": str, "date": date, "number": Decimal}


async def read_page(database: Database, table: Table, parameters: RowPaging) -> str:
    """The page as JSON.

    Raises:
        Problem: 404, the cursor belongs to a request with other parameters; whatever `Database.connection` raises.
    """
    filters = given_filters(table, parameters)
    fingerprint = cursors.fingerprint(table.slug, parameters.sort, filters)
    position = _position(table, parameters, fingerprint)
    columns = table.choose(parameters.fields, source=parameters.source)
    names, capped = tuple(filters), parameters.count == "capped"
    async with database.connection() as connection:
        expected = None
        if filters or parameters.count == "estimated":
            expected = await _expect(connection, table, filters)
        few = bool(filters) and expected is not None and expected <= FEW
        statement = queries.page(table, names, parameters.sort, columns, begun=bool(position), few=few, capped=capped)
        # Never prepared: a plan that suits any filter and any position is a bad plan for a particular one.
        found = await connection.execute(statement, filters | position | {"limit": parameters.limit}, prepare=False)
        data, rows, *keys, counted = await found.fetchone() or ()
    goes_on = rows > parameters.limit
    total: tuple[int, str] | None = None
    if not goes_on and not position:
        total = rows, "exact"
    elif counted is not None:
        total = (CAP, "at_least") if counted > CAP else (counted, "exact")
    elif expected is not None:
        total = max(expected, rows), "estimated"
    return _page(data, cursors.encode(fingerprint, keys) if goes_on else None, parameters, total)


def _position(table: Table, parameters: RowPaging, fingerprint: str) -> dict[str, Any]:
    """The parameters `Key0`, … that the cursor holds; none without a cursor."""
    if parameters.cursor is None:
        return {}
    keys = table.orders[parameters.sort.removeprefix("-")]
    types = [_KEY_TYPES[table.columns[key]] for key in keys]
    return {f"Key{number}": key for number, key in enumerate(cursors.decode(fingerprint, parameters.cursor, types))}


async def _expect(connection: AsyncConnection[tuple[Any, ...]], table: Table, filters: dict[str, Any]) -> int:
    found = await connection.execute(queries.estimate(table, tuple(filters)), filters, prepare=False)
    ((plan,),) = await found.fetchall()
    return int(plan[0]["Plan"]["Plan Rows"])


def _page(data: str, cursor: str | None, parameters: RowPaging, total: tuple[int, str] | None) -> str:
    described = None
    if total is not None and parameters.count != "none":
        described = dict(zip(("rows", "kind"), total, strict=True))
    beside = json.dumps({"next_cursor": cursor, "total": described}, separators=(",", ":"))
    return f'{{"data":[{data}],{beside[1:]}'
