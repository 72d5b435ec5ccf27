"""/api/boards: boards are made, changed, deleted, exported and answered."""

import json
import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.boards import queries
from logistics_api.boards.answering import answer_panels, answers_document, version_of
from logistics_api.boards.questions import check_questions
from logistics_api.boards.schemas import Board, BoardAnswers, BoardDocument, BoardPanel, Boards
from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.changes import (
    CHANGES,
    VERSIONED,
    IfMatch,
    etag_of,
    json_body,
    requester,
    schema_of,
    uncached,
    version_in,
)
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.metrics.endpoints import Registry
from logistics_api.parameters.date_range import Day, NoParameters, end_before_start
from logistics_api.parameters.types import DIGITS
from logistics_api.row_access.permitted import permitted_rows

router = Router(tags=["boards"])

BoardId = Annotated[
    UUID, Path(description="A board by its ID in /api/boards", examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"])
]

UNKNOWN: Responses = {404: problem_response("The board does not exist")}
FULL: Responses = {409: problem_response("There are a thousand boards already")}
BODY = json_body(schema_of(BoardDocument), "The board, as it is exported")


class AnswerParameters(BaseModel):
    """The range of a board. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    start: Day | None = Field(None, description="First day; if omitted, the first day with records of each dataset")
    end: Day | None = Field(None, description="Last day, inclusive; if omitted, the last day with records of each")
    version: Annotated[int, Field(ge=1, le=2**31 - 1), DIGITS] | None = Field(
        None, description="The version of the board that is meant: only then can the answer be cached", examples=[3]
    )


@router.get("/api/boards", response_model=Boards, responses=FIGURE_PROBLEMS, summary="All boards")
async def list_boards(_: NoParameters, database: Reader) -> Response:
    """Returns all boards without their panels."""
    return uncached({"boards": await database.fetch_value(queries.ALL_BOARDS)})


@router.post(
    "/api/boards",
    status_code=201,
    response_model=Board,
    responses=CHANGES | FULL,
    openapi_extra=BODY,
    summary="Make a board",
)
async def add_board(_: NoParameters, request: Request, database: Reader) -> Response:
    """Makes a board, also of one that was exported. Each question is checked."""
    document = await _read_board(request)
    (board_id,) = await database.write(queries.ADD, _parameters(document, request))
    if board_id is None:
        raise Problem(
            409, "too-many-boards", "Too many boards", "There are a thousand boards already. Delete one first."
        )
    board = await _find(database, board_id)
    location = f"{context_of(request.scope).prefix}/api/boards/{board_id}"
    return uncached(board, 201, {"Location": location, "ETag": etag_of(board)})


@router.get("/api/boards/{board_id}", response_model=Board, responses=FIGURE_PROBLEMS | UNKNOWN, summary="One board")
async def read_board(board_id: BoardId, _: NoParameters, database: Reader) -> Response:
    """Returns a board with its panels. Its ETag is what a change names in If-Match."""
    board = await _find(database, board_id)
    return uncached(board, headers={"ETag": etag_of(board)})


@router.get(
    "/api/boards/{board_id}/export",
    response_model=BoardDocument,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="A board as a file",
)
async def export_board(board_id: BoardId, _: NoParameters, database: Reader) -> Response:
    """Returns what a board contains, as a file that `POST /api/boards` takes, here or elsewhere."""
    board = await _find(database, board_id)
    document = {name: board[name] for name in BoardDocument.model_fields}
    name = re.sub(r"[^a-z0-9]+", "-", board["title"].lower()).strip("-")[:60] or "board"
    headers = {"Content-Disposition": f'attachment; filename="{name}.board.json"', "Cache-Control": "no-store"}
    return Response(
        json.dumps(document, ensure_ascii=False, indent=2) + "\n", media_type="application/json", headers=headers
    )


@router.put(
    "/api/boards/{board_id}",
    response_model=Board,
    responses=CHANGES | UNKNOWN | VERSIONED,
    openapi_extra=BODY,
    summary="Change a board",
)
async def change_board(
    board_id: BoardId, _: NoParameters, request: Request, database: Reader, if_match: IfMatch = None
) -> Response:
    """Replaces what a board contains. If-Match names the version that was read, so that no change is lost."""
    version = version_in(if_match)
    document = await _read_board(request)
    parameters = _parameters(document, request) | {"board_id": board_id, "version": version}
    (changed,) = await database.write(queries.CHANGE, parameters)
    board = await _find(database, board_id)
    if changed is None:
        raise _changed(board, version)
    return uncached(board, headers={"ETag": etag_of(board)})


@router.delete(
    "/api/boards/{board_id}",
    status_code=204,
    response_class=Response,
    responses=CHANGES | UNKNOWN | VERSIONED,
    summary="Delete a board",
)
async def delete_board(board_id: BoardId, _: NoParameters, database: Reader, if_match: IfMatch = None) -> Response:
    """Deletes a board. If-Match names the version that was read."""
    version = version_in(if_match)
    (deleted,) = await database.write(queries.DELETE, {"board_id": board_id, "version": version})
    if deleted is None:
        raise _changed(await _find(database, board_id), version)
    return Response(status_code=204)


@router.get(
    "/api/boards/{board_id}/answers",
    response_model=BoardAnswers,
    responses=FIGURE_PROBLEMS | UNKNOWN | {409: problem_response("The board has another version")},
    summary="The answers of a board",
)
async def answer_board(
    board_id: BoardId,
    parameters: Annotated[AnswerParameters, Query()],
    request: Request,
    database: Reader,
    registry: Registry,
) -> Response:
    """Returns the answers to all questions of a board over one range of days.

    A panel whose question cannot be answered has a `problem` instead; the others are answered all the same.
    """
    start, end = parameters.start, parameters.end
    if start is not None and end is not None and end < start:
        raise end_before_start(start, end)
    board = await _find(database, board_id)
    if parameters.version is not None and parameters.version != board["version"]:
        raise _changed(board, parameters.version)
    panels = [BoardPanel.model_validate(panel) for panel in board["panels"]]
    catalogue, permitted = request.app.state.catalogue, permitted_rows(request)
    answers = await answer_panels(database, registry, catalogue, permitted, panels, start, end)
    version = None if parameters.version is None else version_of(answers)
    return versioned_response(answers_document(board, answers), version)


async def _find(database: Database, board_id: UUID) -> dict[str, Any]:
    board: dict[str, Any] | None = await database.fetch_value(queries.ONE_BOARD, {"board_id": board_id})
    if board is None:
        detail = f"There is no board {board_id}. /api/boards lists all boards."
        raise Problem(404, "unknown-board", "Unknown board", detail)
    return board


async def _read_board(request: Request) -> BoardDocument:
    document = await read_json(request, BoardDocument)
    check_questions(document, request.app.state.catalogue)
    return document


def _parameters(document: BoardDocument, request: Request) -> dict[str, Any]:
    return {
        "title": document.title.strip(),
        "description": document.description,
        "panels": json.dumps([panel.model_dump(mode="json", exclude_none=True) for panel in document.panels]),
        "requested_by": requester(request),
    }


def _changed(board: dict[str, Any], version: int) -> Problem:
    return Problem(
        409,
        "board-changed",
        "Board changed",
        f"The board has version {board['version']} by now, changed by {board['changed_by']}; the request is about "
        f"version {version}. Read it again, and repeat the change.",
        members={"version": board["version"]},
    )
