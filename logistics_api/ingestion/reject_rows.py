"""Rejected records as JSON: PostgreSQL cannot write it, because raw bytes need not be text."""

from codecs import getincrementaldecoder
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row

from logistics_api.database.pool import Database
from logistics_api.database.problems import again_after_conflict

RAW_BYTES = 2_000
"""Most bytes of a rejected record to send; `logistics rejects export` writes all of them."""


@again_after_conflict
async def fetch_rejects(database: Database, query: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    """Runs a query of rejects; returns one dictionary per row, with at most `RAW_BYTES` of the raw text."""
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), {**parameters, "raw_bytes": RAW_BYTES})
        return await cursor.fetchall()


def with_text(row: dict[str, Any]) -> dict[str, Any]:
    r"""Returns a reject with raw bytes as text: invalid UTF-8 as \xNN, no character cut in two by the limit."""
    is_truncated = row["raw_bytes"] > len(row["raw"])
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    return {**row, "raw": decoder.decode(row["raw"], final=not is_truncated), "raw_truncated": is_truncated}


def rows_response(body: dict[str, Any]) -> Response:
    """Builds a JSON response from rows of the database driver."""
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
