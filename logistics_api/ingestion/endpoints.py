"""GET /api/ingestion/files, /files/{file_id}, /files/{file_id}/batches, /rejects, /rejects/summary and /stats."""

from codecs import getincrementaldecoder
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, json_answer, problem_response
from logistics_api.ingestion import queries
from logistics_api.ingestion.schemas import Batches, FileDetails, Files, IngestionStats, RejectKinds, Rejects
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NothingElse
from logistics_api.parameters.types import FileId, Flag, Name, Paging, Text
from logistics_core.database_contract.file_states import FileState

RAW_BYTES = 2_000
"""Of a rejected record so much is shown; `logistics rejects export` has all of it."""

REASONS = 100

router = APIRouter(tags=["ingestion"])

UNKNOWN_CURSOR: Responses = {404: problem_response("The cursor is damaged, or of another question")}
UNKNOWN_FILE: Responses = {
    404: problem_response("There is no such file; or the cursor is damaged or of another question")
}


class FileQuestion(Paging):
    """Which files."""

    state: list[FileState] | None = Field(
        None, description="In one of these states; may be repeated", examples=[[FileState.LOADED, FileState.FAILED]]
    )
    dataset: Name | None = Field(None, description="Of this dataset", examples=["shipments"])
    path_prefix: Text | None = Field(None, description="Whose path begins so", examples=["shipments/2024"])
    current: Flag | None = Field(None, description="true: newest versions only; false: only those that were replaced")


class RejectFilters(BaseModel):
    """Which rejects."""

    model_config = ConfigDict(extra="forbid")

    file_id: FileId | None = Field(None, description="Of this file")
    dataset: Name | None = Field(None, description="Of files of this dataset", examples=["shipments"])
    resolved: Flag | None = Field(None, description="true: those a replay has accepted; false: those that still stand")


class RejectQuestion(Paging, RejectFilters):
    """Which rejects, page by page."""

    field: Text | None = Field(None, description="That broke a rule of this field", examples=["weight"])
    reason: Text | None = Field(
        None,
        description="For this reason; the value that was found does not matter",
        examples=["weight must be more than 0"],
    )


def dagster_url(request: Request) -> str:
    """Where the Dagster UI is, for links to runs."""
    return str(request.app.state.settings.dagster_url)


@router.get(
    "/api/ingestion/files",
    response_model=Files,
    responses=FIGURE_PROBLEMS | UNKNOWN_CURSOR,
    summary="Files, and how far each is loaded",
)
async def list_files(question: Annotated[FileQuestion, Query()], request: Request, database: Reader) -> Response:
    """Every version of every file that was ever registered, the newest first."""
    filters = question.filters()
    asked = cursors.fingerprint(request.url.path, "newest", filters)
    if question.cursor is not None:
        (filters["after"],) = cursors.decode(asked, question.cursor, [int])
    parameters = filters | {"limit": question.limit, "dagster_url": dagster_url(request)}
    items, last, more = await database.fetch_row(queries.files(filters.keys()), parameters)
    return _page(items, cursors.encode(asked, [last]) if more else None)


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
    text = await database.fetch_value(queries.ONE_FILE, {"file_id": file_id, "dagster_url": dagster_url(request)})
    if text is None:
        raise _unknown_file(file_id)
    return json_answer(text)


@router.get(
    "/api/ingestion/files/{file_id}/batches",
    response_model=Batches,
    responses=FIGURE_PROBLEMS | UNKNOWN_FILE,
    summary="The transactions a file was loaded in",
)
async def list_batches(
    file_id: Annotated[FileId, Path()], question: Annotated[Paging, Query()], request: Request, database: Reader
) -> Response:
    """The last one first. Those that replays and unloads have committed are among them."""
    asked, after = cursors.fingerprint(request.url.path, "newest", {}), None
    if question.cursor is not None:
        (after,) = cursors.decode(asked, question.cursor, [int])
    parameters = {"file_id": file_id, "limit": question.limit, "after": after}
    is_known, items, last, more = await database.fetch_row(queries.BATCHES, parameters)
    if not is_known:
        raise _unknown_file(file_id)
    return _page(items, cursors.encode(asked, [last]) if more else None)


@router.get(
    "/api/ingestion/rejects",
    response_model=Rejects,
    responses=FIGURE_PROBLEMS | UNKNOWN_CURSOR,
    summary="Records that broke a rule",
)
async def list_rejects(question: Annotated[RejectQuestion, Query()], request: Request, database: Reader) -> Response:
    """By file in the order of registration, then by record. Each with its place, the reason, and how it stood there."""
    filters = question.filters()
    asked = cursors.fingerprint(request.url.path, "oldest", filters)
    given = set(filters)
    if question.cursor is not None:
        filters["after_file"], filters["after_record"] = cursors.decode(asked, question.cursor, [int, int])
        given.add("after")
    rows = await _fetch_rows(database, queries.rejects(given), filters | {"limit": question.limit})
    items = [_with_text(row) for row in rows[: question.limit]]
    more = len(rows) > question.limit
    last = cursors.encode(asked, [items[-1]["file_id"], items[-1]["record_no"]]) if more else None
    return _rows_answer({"next_cursor": last, "items": items})


@router.get(
    "/api/ingestion/rejects/summary",
    response_model=RejectKinds,
    responses=FIGURE_PROBLEMS,
    summary="Why records were rejected",
)
async def summarise_rejects(question: Annotated[RejectFilters, Query()], database: Reader) -> Response:
    """Counts rejects by what is wrong with them, the commonest first, each with where it was met first."""
    filters = question.model_dump(exclude_none=True)
    rows = await _fetch_rows(database, queries.reject_kinds(filters.keys()), filters | {"limit": REASONS})
    kind, first = ("dataset", "field", "reason", "count", "files"), ("file_id", "path", "record_no")
    items = []
    for row in rows:
        shown = _with_text(row)
        example = {name: shown[name] for name in (*first, "raw", "raw_truncated")}
        items.append({name: row[name] for name in kind} | {"first": example})
    return _rows_answer({"items": items})


@router.get(
    "/api/ingestion/stats",
    response_model=IngestionStats,
    responses=FIGURE_PROBLEMS,
    summary="What an operator looks at",
)
async def read_ingestion_stats(_: Annotated[NothingElse, Query()], request: Request, database: Reader) -> Response:
    """Files and records by dataset, what failed, what goes on and what waits, how fast loads are, how fresh figures."""
    return json_answer(await database.fetch_value(queries.STATS, {"dagster_url": dagster_url(request)}))


async def _fetch_rows(database: Reader, query: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), {**parameters, "raw_bytes": RAW_BYTES})
        return await cursor.fetchall()


def _with_text(row: dict[str, Any]) -> dict[str, Any]:
    """A reject whose raw bytes are text: what is none is shown as \\xNN, and a character cut in two is left out."""
    is_truncated = row["raw_bytes"] > len(row["raw"])
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    return {**row, "raw": decoder.decode(row["raw"], final=not is_truncated), "raw_truncated": is_truncated}


def _rows_answer(body: dict[str, Any]) -> Response:
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


def _page(items: str, next_cursor: str | None) -> Response:
    """A page whose entries PostgreSQL has built; cursors hold no character that JSON would escape."""
    cursor = "null" if next_cursor is None else f'"{next_cursor}"'
    return json_answer(f'{{"next_cursor":{cursor},"items":{items}}}')


def _unknown_file(file_id: int) -> Problem:
    return Problem(
        404,
        "unknown-file",
        "Unknown file",
        f"The ledger has no file {file_id}. /api/ingestion/files lists those it has.",
    )
