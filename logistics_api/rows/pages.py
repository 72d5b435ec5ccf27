"""Reads one page of rows: from the question to the JSON of the answer."""

import json
from datetime import date
from typing import Any

from psycopg import AsyncConnection

from logistics_api.database.pool import Database
from logistics_api.parameters import cursors
from logistics_api.parameters.cursors import KeyType
from logistics_api.rows import queries
from logistics_api.rows.datasets import Dataset, Kind
from logistics_api.rows.filters import given_filters
from logistics_api.rows.queries import CAP
from logistics_api.rows.schemas import LogsQuestion, ShipmentsQuestion, VehiclesQuestion

PageQuestion = VehiclesQuestion | LogsQuestion | ShipmentsQuestion

FEW = 1_000
"""Where at most so many rows are expected, all of them are found and sorted."""

_KEY_TYPES: dict[Kind, KeyType] = {"text": str, "day": date}


async def read_page(database: Database, dataset: Dataset, question: PageQuestion) -> str:
    """The page as JSON.

    Raises:
        Problem: 404, the cursor belongs to another question; whatever `Database.connection` raises.
    """
    filters = given_filters(dataset, question)
    fingerprint = cursors.fingerprint(dataset.name, question.sort, filters)
    position = _position(dataset, question, fingerprint)
    columns = dataset.choose(question.fields, source=question.source)
    names, capped = tuple(filters), question.count == "capped"
    async with database.connection() as connection:
        expected = None
        if filters or question.count == "estimated":
            expected = await _expect(connection, dataset, filters)
        few = bool(filters) and expected is not None and expected <= FEW
        statement = queries.page(dataset, names, question.sort, columns, begun=bool(position), few=few, capped=capped)
        # Never prepared: a plan that suits any filter and any position suits a particular one badly.
        found = await connection.execute(statement, filters | position | {"limit": question.limit}, prepare=False)
        data, rows, *keys, counted = await found.fetchone() or ()
    goes_on = rows > question.limit
    total: tuple[int, str] | None = None
    if not goes_on and not position:
        total = rows, "exact"
    elif counted is not None:
        total = (CAP, "at_least") if counted > CAP else (counted, "exact")
    elif expected is not None:
        total = max(expected, rows), "estimated"
    return _page(data, cursors.encode(fingerprint, keys) if goes_on else None, question, total)


def _position(dataset: Dataset, question: PageQuestion, fingerprint: str) -> dict[str, Any]:
    """The parameters `key0`, … that the cursor stands for; none without a cursor."""
    if question.cursor is None:
        return {}
    keys = dataset.orders[question.sort.removeprefix("-")]
    types = [_KEY_TYPES[dataset.columns[key]] for key in keys]
    return {f"key{number}": key for number, key in enumerate(cursors.decode(fingerprint, question.cursor, types))}


async def _expect(connection: AsyncConnection[tuple[Any, ...]], dataset: Dataset, filters: dict[str, Any]) -> int:
    found = await connection.execute(queries.estimate(dataset, tuple(filters)), filters, prepare=False)
    ((plan,),) = await found.fetchall()
    return int(plan[0]["Plan"]["Plan Rows"])


def _page(data: str, cursor: str | None, question: PageQuestion, total: tuple[int, str] | None) -> str:
    described = None
    if total is not None and question.count != "none":
        described = dict(zip(("rows", "kind"), total, strict=True))
    beside = json.dumps({"next_cursor": cursor, "total": described}, separators=(",", ":"))
    return f'{{"data":[{data}],{beside[1:]}'
