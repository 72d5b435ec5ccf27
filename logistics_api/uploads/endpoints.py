"""POST /api/ingestion/uploads, and GET /api/ingestion/uploads/{upload_id}: uploads and their state."""

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from fastapi.responses import JSONResponse

from logistics_api.contract_requests.requests import make_request
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_api.uploads.destinations import Place, place_of
from logistics_api.uploads.digests import expected_sha256
from logistics_api.uploads.headers import announced_size
from logistics_api.uploads.parameters import Destination
from logistics_api.uploads.queries import HAS_TABLE
from logistics_api.uploads.schemas import Upload
from logistics_api.uploads.sent_files import store_sent_file
from logistics_api.uploads.status import read_status
from logistics_api.uploads.upload_ids import UploadedFile, read_upload_id
from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.contracts import ContractAction
from logistics_core.settings import Settings

router = Router(tags=["ingestion"])

UPLOAD_PROBLEMS: Responses = FIGURE_PROBLEMS | {
    400: problem_response("A digest is malformed, or the body ended early"),
    408: problem_response("The client sent no data for too long"),
    409: problem_response("Another file has this name"),
    413: problem_response("The file exceeds the size limit for uploads"),
    415: problem_response("The body is a multipart form, or has a Content-Encoding: send the file as it is"),
    422: problem_response("A parameter is not what it must be, the body is empty, or it is not what its digest says"),
    501: problem_response(
        "The API cannot write to the raw folder, or is connected to a read-only copy of the database"
    ),
    503: problem_response("Too many uploads at once; or the database is unavailable, overloaded or not migrated"),
    507: problem_response("The disk is full"),
}

REQUESTS_TABLE = "catalogue.requests"

LOCATION = {"Location": {"description": "Address of the upload's state", "schema": {"type": "string"}}}


@router.post(
    "/api/ingestion/uploads",
    response_model=Upload,
    status_code=202,
    responses=UPLOAD_PROBLEMS
    | {
        200: {"model": Upload, "description": "A file with this name and content already exists", "headers": LOCATION},
        202: {"description": "The file is stored; the pipeline loads it", "headers": LOCATION},
    },
    summary="Upload a file",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file itself: JSON, NDJSON or CSV, plain, .gz or .zst. Not a multipart form.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
        }
    },
)
async def upload_file(where: Annotated[Destination, Query()], request: Request, database: Reader) -> Response:
    """Stores the request body as a file in the raw folder, whole or not at all.

    For a file whose folder and name belong to no dataset, a contract is proposed: `proposal_request_url` tells how far
    that is, `proposal_url` is the proposal. Once its contract is accepted, the file is loaded.

    The response is sent when the file is on disk. Its `Location` reports the progress of the load, until the file is
    loaded or failed. A file that has failed is replaced by another of its name. Uploading the same content under the
    same name again changes nothing. With `Repr-Digest: sha-256=:…:` (RFC 9530) or `X-Checksum-SHA256`, a file that
    arrives altered is refused.
    """
    settings: Settings = request.app.state.settings
    sha256 = expected_sha256(request.headers)
    size = announced_size(request.headers, settings.upload_max_bytes)
    place = place_of(where, request.app.state.catalogue)
    await _check_dataset(database, place, request.app.state.catalogue)
    file, is_new = await store_sent_file(request, database, place.path, size=size, sha256=sha256, replace=where.replace)
    upload = UploadedFile(file, None if place.dataset else await _propose(request, database, file.path))
    body = await _status(upload, request, database)
    location = f"{context_of(request.scope).prefix}/api/ingestion/uploads/{body['upload_id']}"
    return JSONResponse(body, 202 if is_new else 200, {"Location": location})


@router.get(
    "/api/ingestion/uploads/{upload_id}",
    response_model=Upload,
    responses=FIGURE_PROBLEMS | {404: problem_response("No upload has this ID")},
    summary="State of an upload",
)
async def read_upload(
    upload_id: Annotated[
        str, Path(description="`upload_id` of the upload response", examples=["Xb6S0m2kV1tbInNoaXBtZW50cyJd"])
    ],
    _: NoParameters,
    request: Request,
    database: Reader,
) -> Response:
    """Returns the state of an upload. Until it is final, `Retry-After` says when to poll again."""
    body = await _status(read_upload_id(upload_id), request, database)
    return JSONResponse(body, headers=None if body["is_final"] else {"Retry-After": "1"})


async def _status(upload: UploadedFile, request: Request, database: Database) -> dict[str, Any]:
    state = request.app.state
    return await read_status(upload, database, state.settings, state.catalogue, context_of(request.scope).prefix)


async def _propose(request: Request, database: Database, path: str) -> int:
    """Requests a contract for a file of unknown shape; returns the number of the request."""
    return await make_request(request, database, ContractAction.PROPOSE, argument={"path": path})


async def _check_dataset(database: Database, place: Place, catalogue: Catalogue) -> None:
    """Refuses files that the pipeline could not load, and all files while the database is unavailable."""
    table = catalogue[place.dataset].table if place.dataset else REQUESTS_TABLE
    if not await database.fetch_value(HAS_TABLE, {"table": table}):
        raise Problem(
            503,
            "dataset-not-migrated",
            "Dataset not migrated",
            f"The database has no table {table} yet. Run `logistics migrate`, which creates it.",
            headers={"Retry-After": "10"},
        )
