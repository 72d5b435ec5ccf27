"""Rejected records as JSON: their raw bytes may not be text, so that PostgreSQL cannot build it."""

from codecs import getincrementaldecoder
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row

from logistics_api.database.pool import Database

RAW_BYTES = 2_000
"""Bytes of a rejected record that are sent; `logistics rejects export` writes all of them."""


async def fetch_rejects(database: Database, query: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    """Runs a query of rejects; returns one dictionary per row, with at most `RAW_BYTES` of the raw text."""
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), {**parameters, "raw_bytes": RAW_BYTES})
        return await cursor.fetchall()


def with_text(row: dict[str, Any]) -> dict[str, Any]:
    r"""A reject with its raw bytes as text: invalid UTF-8 as \xNN, without a character that the limit cuts in two."""
    is_truncated = row["raw_bytes"] > len(row["raw"])
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    return {**row, "raw": decoder.decode(row["raw"], final=not is_truncated), "raw_truncated": is_truncated}


def rows_response(body: dict[str, Any]) -> Response:
    """A JSON response from rows as the database driver returned them."""
    return JSONResponse(_plain(body))


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list():
            return [_plain(member) for member in value]
        case datetime():
            return value.isoformat()
        case _:
            return value
