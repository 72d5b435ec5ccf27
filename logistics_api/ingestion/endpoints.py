"""GET /api/ingestion/files, /files/{file_id}, .../batches, /rejects, /rejects/summary, /cleared-values and /stats."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, figures_response, json_response, problem_response
from logistics_api.http.routing import Router
from logistics_api.ingestion import file_queries, reject_queries, stats_queries
from logistics_api.ingestion.cleared_values import ClearedValueParameters, ClearedValues, cleared_values
from logistics_api.ingestion.file_schemas import Batches, FileDetails, Files
from logistics_api.ingestion.parameters import FileParameters, RejectFilters, RejectParameters
from logistics_api.ingestion.reject_rows import fetch_rejects, rows_response, with_text
from logistics_api.ingestion.reject_schemas import RejectKinds, Rejects
from logistics_api.ingestion.stats_schemas import IngestionStats
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import FileId, Paging

REASONS = 100

router = Router(tags=["ingestion"])

UNKNOWN_CURSOR: Responses = {
    404: problem_response("The cursor is invalid or belongs to a request with other parameters")
}
UNKNOWN_FILE: Responses = {
    404: problem_response(
        "The file does not exist, or the cursor is invalid or belongs to a request with other parameters"
    )
}


def _file_parameters(request: Request) -> dict[str, object]:
    return file_queries.file_parameters(request.app.state.settings)


@router.get(
    "/api/ingestion/files",
    response_model=Files,
    responses=FIGURE_PROBLEMS | UNKNOWN_CURSOR,
    summary="Files and their loading status",
)
async def list_files(query: Annotated[FileParameters, Query()], request: Request, database: Reader) -> Response:
    """Returns all registered files in all versions, newest first."""
    filters = query.filters()
    fingerprint = cursors.fingerprint(request.url.path, "newest", filters)
    if query.cursor is not None:
        (filters["after"],) = cursors.decode(fingerprint, query.cursor, [int])
    parameters = filters | {"limit": query.limit} | _file_parameters(request)
    items, last, more = await database.fetch_row(file_queries.files(filters.keys()), parameters)
    return _page(items, cursors.encode(fingerprint, [last]) if more else None)


@router.get(
    "/api/ingestion/files/{file_id}",
    response_model=FileDetails,
    responses=FIGURE_PROBLEMS | UNKNOWN_FILE,
    summary="Details of one file",
)
async def read_file(
    file_id: Annotated[FileId, Path()], _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns the file's status, errors, drift from earlier files, batches and progress."""
    text = await database.fetch_value(file_queries.ONE_FILE, {"file_id": file_id} | _file_parameters(request))
    if text is None:
        raise _unknown_file(file_id)
    return json_response(text)


@router.get(
    "/api/ingestion/files/{file_id}/batches",
    response_model=Batches,
    responses=FIGURE_PROBLEMS | UNKNOWN_FILE,
    summary="Batches of a file",
)
async def list_batches(
    file_id: Annotated[FileId, Path()], query: Annotated[Paging, Query()], request: Request, database: Reader
) -> Response:
    """Returns the transactions that loaded the file, latest first, including those of replays and unloads."""
    fingerprint, after = cursors.fingerprint(request.url.path, "newest", {}), None
    if query.cursor is not None:
        (after,) = cursors.decode(fingerprint, query.cursor, [int])
    parameters = {"file_id": file_id, "limit": query.limit, "after": after}
    is_known, items, last, more = await database.fetch_row(file_queries.BATCHES, parameters)
    if not is_known:
        raise _unknown_file(file_id)
    return _page(items, cursors.encode(fingerprint, [last]) if more else None)


@router.get(
    "/api/ingestion/rejects",
    response_model=Rejects,
    responses=FIGURE_PROBLEMS | UNKNOWN_CURSOR,
    summary="Rejected records",
)
async def list_rejects(query: Annotated[RejectParameters, Query()], request: Request, database: Reader) -> Response:
    """Returns rejects by file (registration order) and record, each with its position, reason and original text."""
    filters = query.filters()
    fingerprint = cursors.fingerprint(request.url.path, "oldest", filters)
    given = set(filters)
    if query.cursor is not None:
        filters["after_file"], filters["after_record"] = cursors.decode(fingerprint, query.cursor, [int, int])
        given.add("after")
    rows = await fetch_rejects(database, reject_queries.rejects(given), filters | {"limit": query.limit})
    items = [with_text(row) for row in rows[: query.limit]]
    more = len(rows) > query.limit
    last = cursors.encode(fingerprint, [items[-1]["file_id"], items[-1]["record_no"]]) if more else None
    return rows_response({"next_cursor": last, "items": items})


@router.get(
    "/api/ingestion/rejects/summary",
    response_model=RejectKinds,
    responses=FIGURE_PROBLEMS,
    summary="Reasons for rejected records",
)
async def summarise_rejects(query: Annotated[RejectFilters, Query()], database: Reader) -> Response:
    """Counts rejects by reason, most frequent first, each with its first occurrence."""
    filters = query.model_dump(exclude_none=True)
    rows = await fetch_rejects(database, reject_queries.reject_kinds(filters.keys()), filters | {"limit": REASONS})
    kind, first = ("dataset", "field", "reason", "count", "files"), ("file_id", "path", "record_no")
    items = []
    for row in rows:
        shown = with_text(row)
        example = {name: shown[name] for name in (*first, "raw", "raw_truncated")}
        items.append({name: row[name] for name in kind} | {"first": example})
    return rows_response({"items": items})


@router.get(
    "/api/ingestion/cleared-values",
    response_model=ClearedValues,
    responses=FIGURE_PROBLEMS | UNKNOWN_CURSOR,
    summary="Values left out of loaded records",
)
async def list_cleared_values(
    query: Annotated[ClearedValueParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns invalid values of optional fields that were left out, by file (registration order), record and field."""
    filters = query.filters()
    fingerprint = cursors.fingerprint(request.url.path, "oldest", filters)
    given = set(filters)
    if query.cursor is not None:
        after = cursors.decode(fingerprint, query.cursor, [int, int, str])
        filters |= dict(zip(("after_file", "after_record", "after_field"), after, strict=True))
        given.add("after")
    rows = await fetch_rejects(database, cleared_values(given), filters | {"limit": query.limit})
    items = [with_text(row) for row in rows[: query.limit]]
    last = [items[-1][name] for name in ("file_id", "record_no", "field")] if len(rows) > query.limit else None
    return rows_response({"next_cursor": cursors.encode(fingerprint, last) if last else None, "items": items})


@router.get(
    "/api/ingestion/stats",
    response_model=IngestionStats,
    responses=FIGURE_PROBLEMS,
    summary="Ingestion statistics",
)
async def read_ingestion_stats(_: NoParameters, request: Request, database: Reader) -> Response:
    """Returns files and records by dataset, failures, running and waiting work, loading speed and data freshness."""
    response = await figures_response(database, stats_queries.STATS, _file_parameters(request))
    response.headers["Cache-Control"] = "no-store"  # it changes within a data version: cached for outages only
    return response


def _page(items: str, next_cursor: str | None) -> Response:
    """Builds a page from entries that PostgreSQL wrote; cursors contain no character that JSON escapes."""
    cursor = "null" if next_cursor is None else f'"{next_cursor}"'
    return json_response(f'{{"next_cursor":{cursor},"items":{items}}}')


def _unknown_file(file_id: int) -> Problem:
    return Problem(
        404,
        "unknown-file",
        "Unknown file",
        f"The ledger has no file {file_id}. /api/ingestion/files lists all files.",
    )
