"""GET /api/ingestion/files/{file_id}/rejects.ndjson: a file's open rejects, to be corrected and replayed."""

from typing import Annotated, Any

import psycopg
from fastapi import Depends, Path, Request, Response
from psycopg.rows import dict_row

from logistics_api.database.pool import Database
from logistics_api.errors import Problem
from logistics_api.exports.formats import MEDIA_TYPES, Chunks
from logistics_api.exports.reject_lines import reject_line
from logistics_api.exports.sending import StreamedFile
from logistics_api.exports.snapshots import STALLED_SECONDS
from logistics_api.http.responses import FIGURE_PROBLEMS, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import FileId

PAGE_ROWS = 500
PAGE_BYTES = 1 << 20
"""Of raw text, in one page: one reject more than that where it is larger."""

FILE = """
-- Finds how a file is laid out.
-- One row: its layout, NULL if none is stored; whether it exists.
-- Reads ingest.files.
SELECT (array_agg(layout))[1], count(*) > 0
FROM ingest.files
WHERE file_id = %(file_id)s
"""

PAGE = """
-- Returns the next open rejects of a file, in the order of its records.
-- One row per reject.
-- Reads ingest.rejects, ingest.files.
SELECT path, version, record_no, byte_offset, field, reason, raw
FROM (
    SELECT
        file.path,
        file.version,
        reject.*,
        sum(octet_length(reject.raw)) OVER (ORDER BY reject.record_no) - octet_length(reject.raw) AS bytes_before
    FROM (
        SELECT file_id, record_no, byte_offset, field, reason, raw
        FROM ingest.rejects
        WHERE file_id = %(file_id)s AND record_no > %(after)s AND resolved_at IS NULL
        ORDER BY record_no
        LIMIT %(rows)s
    ) AS reject
    JOIN ingest.files AS file USING (file_id)
) AS page
WHERE bytes_before < %(bytes)s
ORDER BY record_no
"""

BEGIN = f"""
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL idle_in_transaction_session_timeout = '{2 * STALLED_SECONDS:.0f}s'
"""

router = Router(tags=["ingestion"])


async def _exports_of_app(request: Request) -> Database:
    database = request.app.state.exports
    assert isinstance(database, Database)
    return database


ExportReader = Annotated[Database, Depends(_exports_of_app)]


@router.get(
    "/api/ingestion/files/{file_id}/rejects.ndjson",
    response_class=Response,
    responses=FIGURE_PROBLEMS
    | {
        200: {
            "description": "The file, in chunks; its length is not known in advance",
            "content": {MEDIA_TYPES["ndjson"]: {"schema": {"type": "string"}}},
        },
        404: problem_response("The file does not exist"),
    },
    summary="Rejected records of a file, for correction",
)
async def export_rejects(file_id: Annotated[FileId, Path()], _: NoParameters, database: ExportReader) -> Response:
    """Sends the open rejects of a file as `logistics rejects export` writes them, as of one moment.

    Correct the value of `record` in each line, leave the rest as it is, then run `logistics rejects replay FILE`.
    """
    headers = {"Content-Disposition": f'attachment; filename="rejects-{file_id}.ndjson"'}
    return StreamedFile(lambda: _lines(database, file_id), MEDIA_TYPES["ndjson"], headers)


async def _lines(database: Database, file_id: int) -> Chunks:
    async with database.connection() as connection, connection.transaction():
        await connection.execute(BEGIN)
        layout, is_known = await (await connection.execute(FILE, {"file_id": file_id})).fetchone() or (None, False)
        if not is_known:
            detail = f"The ledger has no file {file_id}. /api/ingestion/files lists all files."
            raise Problem(404, "unknown-file", "Unknown file", detail)
        after = 0
        while rows := await _page(connection, file_id, after):
            yield b"".join(reject_line(row, layout) for row in rows)
            after = rows[-1]["record_no"]


async def _page(connection: psycopg.AsyncConnection[tuple[Any, ...]], file_id: int, after: int) -> list[dict[str, Any]]:
    parameters = {"file_id": file_id, "after": after, "rows": PAGE_ROWS, "bytes": PAGE_BYTES}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(PAGE, parameters)
        return await cursor.fetchall()
