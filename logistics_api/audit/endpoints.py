"""/api/audit, /api/audit/entries.ndjson and /api/audit/entries.csv: who changed what."""

import json
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import Query, Request, Response

from logistics_api.audit import queries
from logistics_api.audit.schemas import AuditEntries, AuditFilters, AuditParameters
from logistics_api.audit.tables import COLUMNS, cells, csv_of
from logistics_api.database.pool import Database, Reader
from logistics_api.exports.formats import MEDIA_TYPES, Chunks
from logistics_api.exports.rejects import BEGIN, ExportReader
from logistics_api.exports.sending import StreamedFile
from logistics_api.http.listings import respond_with_page
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router

ROWS = 500
"""Entries that are read at a time; each holds 16 KiB of a value at most."""

router = Router(tags=["system"])

CURSOR_PROBLEM: Responses = {
    404: problem_response("The cursor is invalid or belongs to a request with other parameters")
}


@router.get(
    "/api/audit", response_model=AuditEntries, responses=FIGURE_PROBLEMS | CURSOR_PROBLEM, summary="Who changed what"
)
async def list_audit_entries(
    query: Annotated[AuditParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns changes that people, programs and the pipeline have made, the newest first. Needs the scope `audit`."""
    return await respond_with_page(request, database, query, query.filters(), queries.page)


@router.get(
    "/api/audit/entries.ndjson",
    response_class=Response,
    responses=FIGURE_PROBLEMS
    | {
        200: {
            "description": "An entry per line, in chunks; its length is not known in advance",
            "content": {MEDIA_TYPES["ndjson"]: {"schema": {"type": "string"}}},
        }
    },
    summary="Who changed what, as a file",
)
async def export_audit_entries(query: Annotated[AuditFilters, Query()], database: ExportReader) -> Response:
    """Sends all changes that the filters let through, the newest first, as of one moment."""
    filters = query.model_dump(exclude_none=True)
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamedFile(lambda: _lines(database, filters), MEDIA_TYPES["ndjson"], headers)


@router.get(
    "/api/audit/entries.csv",
    response_class=Response,
    responses=FIGURE_PROBLEMS
    | {
        200: {
            "description": "An entry per line, for spreadsheets",
            "content": {MEDIA_TYPES["csv"]: {"schema": {"type": "string"}}},
        }
    },
    summary="Who changed what, for spreadsheets",
)
async def export_audit_table(query: Annotated[AuditFilters, Query()], database: ExportReader) -> Response:
    """Sends the same as CSV for spreadsheets, with a byte order mark; `before` and `after` are JSON.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    filters = query.model_dump(exclude_none=True)
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamedFile(lambda: _table(database, filters), MEDIA_TYPES["csv"], headers)


async def _lines(database: Database, filters: dict[str, Any]) -> Chunks:
    async with aclosing(_documents(database, filters)) as parts:
        async for documents in parts:
            yield "".join(f"{document}\n" for document in documents).encode()


async def _table(database: Database, filters: dict[str, Any]) -> Chunks:
    yield BOM_UTF8 + csv_of([COLUMNS])
    async with aclosing(_documents(database, filters)) as parts:
        async for documents in parts:
            yield csv_of(cells(json.loads(document)) for document in documents)


async def _documents(database: Database, filters: dict[str, Any]) -> AsyncGenerator[Sequence[str], None]:
    """All entries that the filters let through as JSON, some at a time, as of one moment."""
    after = 2**63 - 1
    statement = queries.lines([*filters, "after"]).encode()
    async with database.connection() as connection, connection.transaction():
        await connection.execute(BEGIN)
        while True:
            cursor = await connection.execute(statement, {**filters, "after": after, "limit": ROWS - 1})
            if not (rows := await cursor.fetchall()):
                return
            yield [document for _, document in rows]
            after = rows[-1][0]
