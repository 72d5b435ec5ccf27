"""POST /api/ingestion/files/{file_id}/retry|unload|forget, and GET /api/ingestion/file-requests/{request_id}.

Nothing is done here: a request is a row that the pipeline finds and serves. It is all that the API can write.
"""

from typing import Annotated, Any

from fastapi import Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.file_requests.queries import MAKE_REQUEST, refusal
from logistics_api.file_requests.schemas import FileRequest
from logistics_api.file_requests.status import read_request
from logistics_api.http.changes import requester
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.ingestion.file_actions import SENTENCES
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS, FileId
from logistics_core.database_contract.file_requests import FileAction

router = Router(tags=["ingestion"])

RequestId = Annotated[
    int, Field(ge=1, le=9_223_372_036_854_775_807, description="ID of a request", examples=[17]), DIGITS
]

REQUEST_PROBLEMS: Responses = FIGURE_PROBLEMS | {
    404: problem_response("The file does not exist"),
    409: problem_response(
        "The action makes no sense for the file as it is now, or another request about it is pending"
    ),
    501: problem_response("The API is connected to a read-only copy of the database"),
}
LOCATION = {"Location": {"description": "Address of the request", "schema": {"type": "string"}}}
ACCEPTED: dict[str, Any] = {
    "response_model": FileRequest,
    "status_code": 202,
    "responses": REQUEST_PROBLEMS | {202: {"description": "The request waits for the pipeline", "headers": LOCATION}},
}


@router.post("/api/ingestion/files/{file_id}/retry", summary="Request that a file is loaded again", **ACCEPTED)
async def retry_file(
    file_id: Annotated[FileId, Path()], _: NoParameters, request: Request, database: Reader
) -> Response:
    """Requests a load of a failed or unloaded file, or of one that has rows to bring back (`is_reload_due`).

    As `logistics retry` does. A load that stopped in the middle of the file resumes there.
    """
    return await _make_request(request, database, file_id, FileAction.RETRY)


@router.post("/api/ingestion/files/{file_id}/unload", summary="Request that a file is unloaded", **ACCEPTED)
async def unload_file(
    file_id: Annotated[FileId, Path()], _: NoParameters, request: Request, database: Reader
) -> Response:
    """Requests that the file's rows and rejects are removed from the database. The file itself is not touched.

    As `logistics unload` does. The outcome names older files to load again for rows that this file had replaced.
    """
    return await _make_request(request, database, file_id, FileAction.UNLOAD)


@router.post("/api/ingestion/files/{file_id}/forget", summary="Request that a file is dismissed", **ACCEPTED)
async def forget_file(
    file_id: Annotated[FileId, Path()], _: NoParameters, request: Request, database: Reader
) -> Response:
    """Requests that a failed or unrecognised file leaves checks, metrics and the list of files to act on.

    As `logistics forget` does. The file itself is not touched, and the ledger keeps its entry.
    """
    return await _make_request(request, database, file_id, FileAction.FORGET)


@router.get(
    "/api/ingestion/file-requests/{request_id}",
    response_model=FileRequest,
    responses=FIGURE_PROBLEMS | {404: problem_response("The request does not exist")},
    summary="State of a request",
)
async def read_file_request(
    request_id: Annotated[RequestId, Path()], _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns the state of a request. Until it is final, `Retry-After` says when to ask again."""
    body = await read_request(database, request_id, context_of(request.scope).prefix)
    return JSONResponse(body, headers=None if body["is_final"] else {"Retry-After": "1"})


async def _make_request(request: Request, database: Database, file_id: int, action: FileAction) -> Response:
    """Makes a request, or returns the one that is pending for the same action.

    Raises:
        Problem: 404 or 409; anything `Database.fetch_row` raises.
    """
    is_known, reason = await database.fetch_row(refusal(action), {"file_id": file_id})
    if reason is not None:
        raise Problem(409, f"cannot-{action}", "Not possible now", f"File {file_id}: {SENTENCES[reason]}")
    name = requester(request)
    request_id = None
    if is_known:
        parameters = {"file_id": file_id, "action": action, "requested_by": name}
        (request_id,) = await database.write(MAKE_REQUEST, parameters)
    if request_id is None:
        detail = f"The ledger has no file {file_id}. /api/ingestion/files lists all files."
        raise Problem(404, "unknown-file", "Unknown file", detail)
    body = await read_request(database, request_id, context_of(request.scope).prefix)
    if body["action"] != action:
        raise Problem(
            409,
            "request-pending",
            "Another request is pending",
            f"File {file_id}: request {request_id} ({body['action']}) is pending. Wait until it is served.",
        )
    return JSONResponse(body, 202, {"Location": body["status_url"]})
