"""GET /api/sources, /api/sources/{source}, .../pulls and .../requests; POST /api/sources/{source}/pull."""

import json
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem, too_many_pending
from logistics_api.file_requests.status import PATIENCE_SECONDS, progress_of
from logistics_api.http.changes import requester
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, figures_response, json_response, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS, DatasetName, Paging
from logistics_api.sources import queries
from logistics_api.sources.schemas import PullPages, PullRequest, Pulls, SourceDetails, SourceKind, Sources
from logistics_core.database_contract.pull_states import PullState

NAMES_LISTED = 20

WAITS = "Waits for Dagster, which looks for requests every few seconds and pulls a source once at a time."
WAITS_LONG = (
    "Dagster has not served it yet: the source is being pulled, or Dagster is not running (`logistics up` starts it). "
    "The request is kept until it is served."
)

router = Router(tags=["sources"])

SourceName = Annotated[DatasetName, Path(description="A source by its name", examples=["fleet"])]
PullId = Annotated[
    int, Field(ge=1, le=9_223_372_036_854_775_807, description="ID of a pull", examples=[1]), DIGITS, Path()
]
RequestId = Annotated[
    int, Field(ge=1, le=9_223_372_036_854_775_807, description="ID of a request", examples=[1]), DIGITS, Path()
]

UNKNOWN: Responses = {404: problem_response("The source does not exist")}
UNKNOWN_PULL: Responses = {
    404: problem_response(
        "The source or the pull does not exist, or the cursor is invalid or belongs to a request with other parameters"
    )
}
REQUEST_PROBLEMS: Responses = FIGURE_PROBLEMS | {
    404: problem_response("The source or the resource does not exist"),
    409: problem_response("The source cannot be pulled: it has no valid definition"),
    501: problem_response("The API is connected to a read-only copy of the database"),
}
LOCATION = {"Location": {"description": "Address of the request", "schema": {"type": "string"}}}


class PullParameters(Paging):
    """Filters of pulls."""

    resource: DatasetName | None = Field(None, description="Pulls of this resource", examples=["trips"])
    state: list[PullState] | None = Field(
        None, description="Pulls in one of these states; may be repeated", examples=[[PullState.COMPLETE]]
    )


class WhatToPull(BaseModel):
    """What a request to pull is about."""

    model_config = ConfigDict(extra="forbid")

    resource: DatasetName | None = Field(None, description="One resource; if omitted, all", examples=["trips"])


def _parameters(request: Request, **parameters: object) -> dict[str, object]:
    return parameters | {"dagster_url": request.app.state.settings.dagster_url}


@router.get("/api/sources", response_model=Sources, responses=FIGURE_PROBLEMS, summary="Sources and how they are doing")
async def list_sources(_: NoParameters, request: Request, database: Reader) -> Response:
    """Returns all sources that have a definition file: what is pulled when, how far it is, and what is wrong."""
    return _changing(await figures_response(database, queries.SOURCES, _parameters(request)))


@router.get(
    "/api/sources/{source}",
    response_model=SourceDetails,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="One source with its definition",
)
async def read_source(source: SourceName, _: NoParameters, request: Request, database: Reader) -> Response:
    """Returns a source with the definition in force, which holds references to secrets and never their values."""
    parameters = _parameters(request, source=source)
    return _changing(await figures_response(database, queries.ONE_SOURCE, parameters, missing=_unknown_source(source)))


@router.get(
    "/api/sources/{source}/pulls",
    response_model=Pulls,
    responses=FIGURE_PROBLEMS | UNKNOWN_PULL,
    summary="Pulls of a source",
)
async def list_pulls(
    source: SourceName, query: Annotated[PullParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns the pulls of a source, newest first, with what became of their files."""
    filters = query.filters()
    fingerprint = cursors.fingerprint(request.url.path, "newest", filters)
    if query.cursor is not None:
        (filters["after"],) = cursors.decode(fingerprint, query.cursor, [int])
    parameters = _parameters(request, **filters, limit=query.limit, source=source)
    is_known, items, last, more = await database.fetch_row(queries.pulls(filters.keys()), parameters)
    if not is_known:
        raise _unknown_source(source)
    cursor = json.dumps(cursors.encode(fingerprint, [last]) if more else None)
    return json_response(f'{{"next_cursor":{cursor},"items":{items}}}')


@router.get(
    "/api/sources/{source}/pulls/{pull_id}",
    response_model=PullPages,
    responses=FIGURE_PROBLEMS | UNKNOWN_PULL,
    summary="One pull with its pages",
)
async def read_pull(
    source: SourceName, pull_id: PullId, query: Annotated[Paging, Query()], request: Request, database: Reader
) -> Response:
    """Returns a pull, and its pages in the order in which they were fetched."""
    fingerprint = cursors.fingerprint(request.url.path, "oldest", {})
    before_all: list[cursors.Key] = [-1, -1]
    after = before_all if query.cursor is None else cursors.decode(fingerprint, query.cursor, [int, int])
    parameters = _parameters(
        request, source=source, pull_id=pull_id, limit=query.limit, after_part=after[0], after_number=after[1]
    )
    pull, items, part, number, more = await database.fetch_row(queries.ONE_PULL, parameters)
    if pull is None:
        raise _unknown_pull(source, pull_id)
    cursor = json.dumps(cursors.encode(fingerprint, [part, number]) if more else None)
    return json_response(f'{{"next_cursor":{cursor},"pull":{pull},"items":{items}}}')


@router.post(
    "/api/sources/{source}/pull",
    status_code=202,
    response_model=PullRequest,
    responses=REQUEST_PROBLEMS | {202: {"description": "The request waits for Dagster", "headers": LOCATION}},
    summary="Request that a source is pulled now",
)
async def pull_source(
    source: SourceName, query: Annotated[WhatToPull, Query()], request: Request, database: Reader
) -> Response:
    """Requests a pull of all resources of a source, or of one, whatever their schedule.

    A pull that failed or was paused goes on at its page. What is pending already is not requested twice. Of a place of
    files, the file sensor looks for new ones at once; a notification of the store may call this.
    """
    is_there, kind, problem, names = await database.fetch_row(queries.WHAT_CAN_BE_PULLED, {"source": source})
    if not is_there:
        raise _unknown_source(source)
    if names is None and kind != SourceKind.FILES:
        raise _cannot_be_pulled(source, problem)
    if query.resource is not None and query.resource not in (names or ()):
        raise _unknown_resource(source, query.resource, names or [])
    name = requester(request)
    parameters = {"source": source, "resource": query.resource, "requested_by": name}
    (request_id,) = await database.write(queries.MAKE_REQUEST, parameters)
    if request_id is None:
        raise _too_many()
    body = await _read_request(database, source, request_id, context_of(request.scope).prefix)
    return JSONResponse(body, 202, {"Location": body["status_url"]})


@router.get(
    "/api/sources/{source}/requests/{request_id}",
    response_model=PullRequest,
    responses=FIGURE_PROBLEMS | {404: problem_response("The request does not exist")},
    summary="State of a request to pull a source",
)
async def read_pull_request(
    source: SourceName, request_id: RequestId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns the state of a request. Until it is final, `Retry-After` says when to ask again."""
    body = await _read_request(database, source, request_id, context_of(request.scope).prefix)
    return JSONResponse(body, headers=None if body["is_final"] else {"Retry-After": "1"})


async def _read_request(database: Database, source: str, request_id: int, prefix: str) -> dict[str, Any]:
    parameters = {"source": source, "request_id": request_id}
    text, age_seconds = await database.fetch_row(queries.ONE_REQUEST, parameters)
    if text is None:
        raise Problem(
            404,
            "unknown-request",
            "Unknown request",
            f"There is no request {request_id} about the source {source}. Use the request_id of a response to a "
            "request; those served long ago are deleted.",
        )
    found = json.loads(text)
    progress = progress_of(found, WAITS if age_seconds < PATIENCE_SECONDS else WAITS_LONG)
    return {**found, **progress, "status_url": f"{prefix}/api/sources/{source}/requests/{request_id}"}


def _too_many() -> Problem:
    return too_many_pending(
        "A thousand requests to pull wait for Dagster. Is it running? `logistics up` starts it. Try again when it has "
        "served them."
    )


def _changing(response: Response) -> Response:
    """What changes within a data version is cached for outages only."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _unknown_source(source: str) -> Problem:
    detail = (
        f"There is no source {source}. /api/sources lists all sources; a new one is a file {source}.yaml in the folder "
        "of sources."
    )
    return Problem(404, "unknown-source", "Unknown source", detail)


def _unknown_pull(source: str, pull_id: int) -> Problem:
    detail = f"The source {source} has no pull {pull_id}. /api/sources/{source}/pulls lists its pulls."
    return Problem(404, "unknown-pull", "Unknown pull", detail)


def _unknown_resource(source: str, resource: str, names: list[str]) -> Problem:
    if not names:
        detail = f"The source {source} is a place of files and has no resources. Leave out `resource`."
        return Problem(404, "unknown-resource", "Unknown resource", detail)
    more = f" and {len(names) - NAMES_LISTED} more" if len(names) > NAMES_LISTED else ""
    detail = f"The source {source} has no resource {resource}. It has: {', '.join(names[:NAMES_LISTED])}{more}."
    return Problem(404, "unknown-resource", "Unknown resource", detail)


def _cannot_be_pulled(source: str, problem: str | None) -> Problem:
    detail = f"The source {source} has no valid definition yet. {problem or ''}".rstrip()
    return Problem(409, "cannot-pull", "Not possible", detail)
