"""/api/audit and /api/audit/entries.ndjson: who changed what."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from logistics_api.audit import queries
from logistics_api.audit.schemas import AuditEntries, AuditFilters, AuditParameters
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


async def _lines(database: Database, filters: dict[str, Any]) -> Chunks:
    after = 2**63 - 1
    statement = queries.lines([*filters, "after"]).encode()
    async with database.connection() as connection, connection.transaction():
        await connection.execute(BEGIN)
        while True:
            cursor = await connection.execute(statement, {**filters, "after": after, "limit": ROWS - 1})
            if not (rows := await cursor.fetchall()):
                return
            yield "".join(f"{line}\n" for _, line in rows).encode()
            after = rows[-1][0]
