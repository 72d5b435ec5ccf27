"""POST /api/ingestion/uploads, and GET /api/ingestion/uploads/{upload_id}: from bytes to loaded or failed."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import ParameterError, Problem, refused_parameters
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.ingestion.endpoints import dagster_url
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NothingElse
from logistics_api.parameters.types import Flag, Name
from logistics_api.uploads.digests import expected_sha256
from logistics_api.uploads.names import FileName
from logistics_api.uploads.queries import HAS_TABLE, UPLOAD
from logistics_api.uploads.schemas import Upload, UploadState
from logistics_api.uploads.storing import (
    Incoming,
    Stored,
    check_folder,
    check_space,
    holds,
    incoming,
    place,
    stored,
    too_large,
)
from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.file_states import FINISHED_STATES
from logistics_core.settings import Settings

AT_ONCE = 4
"""Uploads that are received at the same time; one more is told to come back."""

STALL_SECONDS = 60.0
"""So long a client may send nothing at all."""

FINAL = FINISHED_STATES | {UploadState.REPLACED, UploadState.MISSING}

DETAILS = {
    UploadState.WAITING: "It stands in the raw folder and waits to be found by the pipeline's sensor.",
    UploadState.REGISTERED: "It is in the ledger and waits for a run.",
    UploadState.LOADING: "It is being loaded.",
    UploadState.LOADED: "It is loaded.",
    UploadState.UNLOADED: "It was loaded, and was taken out again on request.",
    UploadState.REPLACED: "Other content took its name before the pipeline had seen it.",
    UploadState.MISSING: "It was removed from the raw folder before the pipeline had seen it.",
}

router = APIRouter(tags=["ingestion"])

UPLOAD_PROBLEMS: Responses = FIGURE_PROBLEMS | {
    400: problem_response("A digest is malformed, or the body ended early"),
    408: problem_response("The client sent nothing for too long"),
    409: problem_response("There is another file of this name"),
    413: problem_response("The file is larger than uploads may be"),
    415: problem_response("The body is a multipart form, or has a Content-Encoding: send the file as it is"),
    422: problem_response("A parameter is not what it must be, the body is empty, or it is not what its digest says"),
    501: problem_response("The API cannot write to the raw folder"),
    503: problem_response("Too many uploads at once; or the database is away, too busy or not migrated"),
    507: problem_response("The disk is full"),
}

LOCATION = {"Location": {"description": "Where its state can be asked for", "schema": {"type": "string"}}}


class Destination(BaseModel):
    """Where an uploaded file goes."""

    model_config = ConfigDict(extra="forbid")

    dataset: Name = Field(description="What it holds", examples=["shipments"])
    filename: FileName = Field(
        description="Its name in the raw folder, without path. Made composed Unicode (NFC)",
        examples=["2024-03.ndjson.gz"],
    )
    replace: Flag = Field(False, description="Whether it takes the place of a file of this name with other content")


@router.post(
    "/api/ingestion/uploads",
    response_model=Upload,
    status_code=202,
    responses=UPLOAD_PROBLEMS
    | {
        200: {"model": Upload, "description": "This content was there before under this name", "headers": LOCATION},
        202: {"description": "It is in the raw folder; the pipeline loads it", "headers": LOCATION},
    },
    summary="Upload a file",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file as it is: JSON, NDJSON or CSV, plain, .gz or .zst. Not a form.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}}},
        }
    },
)
async def upload_file(where: Annotated[Destination, Query()], request: Request, database: Reader) -> Response:
    """Takes a file of any size as the body of the request and puts it into the raw folder, whole or not at all.

    The answer comes when it is on the disk; its `Location` tells how its load fares, and ends in loaded or failed.
    Sending the same content under the same name again changes nothing. With `Repr-Digest: sha-256=:…:` (RFC 9530) or
    `X-Checksum-SHA256`, what does not arrive as it was sent is refused.
    """
    settings: Settings = request.app.state.settings
    expected = expected_sha256(request.headers)
    announced = _announced_size(request, settings.upload_max_bytes)
    await _check_dataset(database, where.dataset, request.app.state.catalogue)
    check_folder(settings.raw_dir)
    check_space(settings.raw_dir, announced or 0)
    target = settings.raw_dir / where.dataset / where.filename
    if announced is not None and not where.replace and _is_taken(target, announced):
        raise _name_taken(where)
    with _one_of_few(request):
        async with incoming(settings.raw_dir, settings.upload_max_bytes) as upload:
            await _receive(request, upload)
            if expected is not None and expected != upload.sha256:
                raise _altered(expected, upload.sha256)
            file, is_new = await asyncio.to_thread(_keep, upload, target, where, settings.raw_dir)
    upload_id = _make_id(file)
    body = await _describe(upload_id, file, request, database)
    return JSONResponse(body, 202 if is_new else 200, {"Location": f"/api/ingestion/uploads/{upload_id}"})


@router.get(
    "/api/ingestion/uploads/{upload_id}",
    response_model=Upload,
    responses=FIGURE_PROBLEMS | {404: problem_response("There is no such upload")},
    summary="What became of an upload",
)
async def read_upload(
    upload_id: Annotated[
        str, Path(description="`upload_id` of the answer to the upload", examples=["Xb6S0m2kV1tbInNoaXBtZW50cyJd"])
    ],
    _: Annotated[NothingElse, Query()],
    request: Request,
    database: Reader,
) -> Response:
    """Ends in `loaded` or `failed`; until it is final, `Retry-After` says when to ask again."""
    body = await _describe(upload_id, _read_id(upload_id), request, database)
    return JSONResponse(body, headers=None if body["is_final"] else {"Retry-After": "1"})


def _announced_size(request: Request, most_bytes: int) -> int | None:
    """What can be refused before a byte was received."""
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise Problem(
            415,
            "multipart-form",
            "Unsupported Content-Type",
            "The body is a multipart form. Send the file itself as the body: curl --data-binary @FILE instead of -F, "
            "httpx content= instead of files=.",
            headers={"Accept-Post": "application/octet-stream"},
        )
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(
            415,
            "content-encoding",
            "Unsupported Content-Encoding",
            "Send the file as it is, without Content-Encoding; compressed files (.gz, .zst) are welcome as such.",
            headers={"Accept-Encoding": "identity"},
        )
    length = request.headers.get("content-length")
    if length is None:
        return None
    if int(length) > most_bytes:
        raise too_large(most_bytes)
    if int(length) == 0:
        raise _empty()
    return int(length)


async def _check_dataset(database: Database, name: str, catalogue: Catalogue) -> None:
    """Refuses what the pipeline could not load, and everything while the database is away."""
    dataset = catalogue.get(name)
    if dataset is None:
        expected = f"one of {', '.join(sorted(catalogue))}"
        raise refused_parameters([ParameterError(parameter="dataset", location="query", expected=expected, found=name)])
    if not await database.fetch_value(HAS_TABLE, {"table": dataset.table}):
        raise Problem(
            503,
            "dataset-not-migrated",
            "Dataset not migrated",
            f"The dataset {name} has no table yet. Run `logistics migrate`, which makes it from the contract.",
            headers={"Retry-After": "10"},
        )


def _is_taken(target: FilePath, size: int) -> bool:
    """Whether there is something that cannot be the same file: then its content need not be received."""
    try:
        return target.stat().st_size != size
    except OSError:
        return False


@contextmanager
def _one_of_few(request: Request) -> Iterator[None]:
    state = request.app.state
    under_way = getattr(state, "uploads_under_way", 0)
    if under_way >= AT_ONCE:
        raise Problem(
            503,
            "too-many-uploads",
            "Too many uploads",
            f"{AT_ONCE} files are being received. Try again in a moment.",
            headers={"Retry-After": "5"},
        )
    state.uploads_under_way = under_way + 1
    try:
        yield
    finally:
        state.uploads_under_way -= 1


async def _receive(request: Request, upload: Incoming) -> None:
    try:
        async for block in _blocks(request):
            await upload.write(block)
    except ClientDisconnect as error:
        raise Problem(400, "incomplete-upload", "Incomplete upload", "The client went before the end.") from error
    except TimeoutError as error:
        detail = f"Nothing came for {STALL_SECONDS:g} seconds."
        raise Problem(408, "stalled-upload", "Stalled upload", detail) from error
    if upload.size == 0:
        raise _empty()
    await upload.finish()


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    blocks = request.stream()
    while True:
        async with asyncio.timeout(STALL_SECONDS):
            block = await anext(blocks, None)
        if block is None:
            return
        yield block


def _keep(upload: Incoming, target: FilePath, where: Destination, raw_dir: FilePath) -> tuple[Stored, bool]:
    """Puts the file in its place; returns it, and whether it is new there."""
    if holds(target, upload.size, upload.sha256):
        return stored(target, raw_dir, upload.sha256), False
    try:
        return place(upload, target, raw_dir, replace=where.replace), True
    except FileExistsError:
        if holds(target, upload.size, upload.sha256):  # another upload of it was faster
            return stored(target, raw_dir, upload.sha256), False
        raise _name_taken(where) from None


async def _describe(upload_id: str, file: Stored, request: Request, database: Database) -> dict[str, Any]:
    dataset = file.path.partition("/")[0]
    parameters = {**asdict(file), "dataset": dataset, "dagster_url": dagster_url(request)}
    entry, other = (text and json.loads(text) for text in await database.fetch_row(UPLOAD, parameters))
    state = (
        UploadState(entry["state"])
        if entry
        else await asyncio.to_thread(_state_on_disk, file, request.app.state.settings)
    )
    return {
        "upload_id": upload_id,
        "dataset": dataset,
        "path": file.path,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "state": state,
        "is_final": state in FINAL and not (entry and entry["retry_requested_at"]),
        "detail": DETAILS.get(state) or entry["error"] or "It failed.",
        "same_content": other,
        "file": entry,
    }


def _state_on_disk(file: Stored, settings: Settings) -> UploadState:
    """Of a file the ledger does not know."""
    try:
        status = (settings.raw_dir / file.path).stat()
    except FileNotFoundError:
        return UploadState.MISSING
    except OSError:
        return UploadState.WAITING
    same = (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.modified_ns)
    return UploadState.WAITING if same else UploadState.REPLACED


def _make_id(file: Stored) -> str:
    """All that is needed to find it again: nothing about uploads is stored anywhere."""
    return cursors.encode("upload", [file.path, file.sha256, file.size_bytes, file.modified_ns])


def _read_id(upload_id: str) -> Stored:
    try:
        path, sha256, size, modified_ns = cursors.decode("upload", upload_id, [str, str, int, int])
        dataset, _, name = str(path).partition("/")
        Destination.model_validate({"dataset": dataset, "filename": name})  # anybody can make an id: no other path
    except (Problem, ValidationError) as error:
        detail = "No upload was answered with this id."
        raise Problem(404, "unknown-upload", "Unknown upload", detail) from error
    return Stored(str(path), str(sha256), int(str(size)), int(str(modified_ns)))


def _name_taken(where: Destination) -> Problem:
    return Problem(
        409,
        "file-exists",
        "File exists",
        f"There is another file {where.filename!r} of {where.dataset}. "
        "Choose another name, or replace it with replace=true.",
    )


def _empty() -> Problem:
    return Problem(422, "empty-upload", "Empty upload", "The body is empty: send the file as the body of the request.")


def _altered(expected: str, found: str) -> Problem:
    detail = f"The file arrived with the SHA-256 {found}; the request says {expected}. Nothing of it was kept."
    return Problem(422, "digest-mismatch", "Digest mismatch", detail)
