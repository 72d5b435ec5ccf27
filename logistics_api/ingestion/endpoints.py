"""GET /api/ingestion/files, /files/{file_id}, /files/{file_id}/batches, /rejects, /rejects/summary and /stats."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, json_response, problem_response
from logistics_api.ingestion import file_queries, reject_queries, stats_queries
from logistics_api.ingestion.file_schemas import Batches, FileDetails, Files
from logistics_api.ingestion.parameters import FileParameters, RejectFilters, RejectParameters
from logistics_api.ingestion.reject_rows import fetch_rejects, rows_response, with_text
from logistics_api.ingestion.reject_schemas import RejectKinds, Rejects
from logistics_api.ingestion.stats_schemas import IngestionStats
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NothingElse
from logistics_api.parameters.types import FileId, Paging

REASONS = 100

router = APIRouter(tags=["ingestion"])

UNKNOWN_CURSOR: Responses = {404: problem_response("The cursor is damaged, or of another question")}
UNKNOWN_FILE: Responses = {
    404: problem_response("There is no such file; or the cursor is damaged or of another question")
}


def dagster_url(request: Request) -> str:
    """Where the Dagster UI is, for links to runs."""
    return str(request.app.state.settings.dagster_url)


@router.get(
    "/api/ingestion/files",
    response_model=Files,
    responses=FIGURE_PROBLEMS | UNKNOWN_CURSOR,
    summary="Files, and how far each is loaded",
)
async def list_files(query: Annotated[FileParameters, Query()], request: Request, database: Reader) -> Response:
    """Every version of every file that was ever registered, the newest first."""
    filters = query.filters()
    fingerprint = cursors.fingerprint(request.url.path, "newest", filters)
    if query.cursor is not None:
        (filters["after"],) = cursors.decode(fingerprint, query.cursor, [int])
    parameters = filters | {"limit": query.limit, "dagster_url": dagster_url(request)}
    items, last, more = await database.fetch_row(file_queries.files(filters.keys()), parameters)
    return _page(items, cursors.encode(fingerprint, [last]) if more else None)


@router.get(
    "/api/ingestion/files/{file_id}",
    response_model=FileDetails,
    responses=FIGURE_PROBLEMS | UNKNOWN_FILE,
    summary="All about one file",
)
async def read_file(
    file_id: Annotated[FileId, Path()], _: Annotated[NothingElse, Query()], request: Request, database: Reader
) -> Response:
    """Its account, what was wrong with it, its drift against the files before it, its batches, its progress."""
    text = await database.fetch_value(file_queries.ONE_FILE, {"file_id": file_id, "dagster_url": dagster_url(request)})
    if text is None:
        raise _unknown_file(file_id)
    return json_response(text)


@router.get(
    "/api/ingestion/files/{file_id}/batches",
    response_model=Batches,
    responses=FIGURE_PROBLEMS | UNKNOWN_FILE,
    summary="The transactions a file was loaded in",
)
async def list_batches(
    file_id: Annotated[FileId, Path()], query: Annotated[Paging, Query()], request: Request, database: Reader
) -> Response:
    """The last one first. Those that replays and unloads have committed are among them."""
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
    summary="Records that broke a rule",
)
async def list_rejects(query: Annotated[RejectParameters, Query()], request: Request, database: Reader) -> Response:
    """By file in the order of registration, then by record. Each with its place, the reason, and how it stood there."""
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
    summary="Why records were rejected",
)
async def summarise_rejects(query: Annotated[RejectFilters, Query()], database: Reader) -> Response:
    """Counts rejects by what is wrong with them, the commonest first, each with where it was met first."""
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
    "/api/ingestion/stats",
    response_model=IngestionStats,
    responses=FIGURE_PROBLEMS,
    summary="What an operator looks at",
)
async def read_ingestion_stats(_: Annotated[NothingElse, Query()], request: Request, database: Reader) -> Response:
    """Files and records by dataset, what failed, what goes on and what waits, how fast loads are, how fresh figures."""
    return json_response(await database.fetch_value(stats_queries.STATS, {"dagster_url": dagster_url(request)}))


def _page(items: str, next_cursor: str | None) -> Response:
    """A page whose entries PostgreSQL has built; cursors hold no character that JSON would escape."""
    cursor = "null" if next_cursor is None else f'"{next_cursor}"'
    return json_response(f'{{"next_cursor":{cursor},"items":{items}}}')


def _unknown_file(file_id: int) -> Problem:
    return Problem(
        404,
        "unknown-file",
        "Unknown file",
        f"The ledger has no file {file_id}. /api/ingestion/files lists those it has.",
    )
