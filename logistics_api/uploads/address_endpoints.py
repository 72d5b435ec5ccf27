"""POST /api/ingestion/upload-addresses: where a browser sends a file to a bucket, past the API."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request, Response

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import ParameterError, refused_parameters
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.uploads.destinations import Place, place_of
from logistics_api.uploads.parameters import AddressParameters
from logistics_api.uploads.problems import name_taken, too_large
from logistics_api.uploads.queries import IS_KNOWN, UPLOADED
from logistics_api.uploads.schemas import UploadAddress
from logistics_api.uploads.upload_place import ADDRESS_SECONDS, UploadPlace
from logistics_core.places.definition import PlaceDefinition
from logistics_core.settings import Settings

router = Router(tags=["ingestion"])

ADDRESS_PROBLEMS: Responses = FIGURE_PROBLEMS | {
    409: problem_response("Another file has this name"),
    413: problem_response("The file exceeds the size limit for uploads"),
    422: problem_response("A parameter is not what it must be"),
    501: problem_response("No place takes uploads: send files to POST /api/ingestion/uploads"),
}


@router.post(
    "/api/ingestion/upload-addresses",
    status_code=201,
    responses=ADDRESS_PROBLEMS,
    summary="Get an address to upload a file to a bucket",
)
async def make_upload_address(
    where: Annotated[AddressParameters, Query()], request: Request, response: Response, database: Reader
) -> UploadAddress:
    """Returns an address to which one file can be sent with PUT, without a key, until it expires.

    The file goes to the place that LOGISTICS_UPLOAD_PLACE names, and not through the API. It appears there when it is
    whole, and is loaded like every other file there: `path` is its name in the ledger. To have the place looked at at
    once, request it: POST /api/sources/{source}/pull.
    """
    settings: Settings = request.app.state.settings
    uploads = UploadPlace(settings)
    place = await uploads.definition()
    if where.size_bytes > settings.upload_max_bytes:
        raise too_large(settings.upload_max_bytes)
    target = place_of(where, request.app.state.catalogue)
    key = _key(place, target, where)
    path = f"{place.url.rstrip('/')}/{key}"
    if not where.replace and await _is_known(database, path):
        raise name_taken(path.rpartition("/")[0], where.filename)
    made_at = datetime.now(UTC)
    signed = await uploads.address(place, key, where.size_bytes)
    details = json.dumps({"size_bytes": where.size_bytes, "source": place.name})
    await database.write(UPLOADED, {"path": path, "action": "upload_address_given", "details": details})
    response.headers["Cache-Control"] = "no-store"
    return UploadAddress(
        url=signed.url,
        headers=signed.headers,
        source=place.name,
        path=path,
        dataset=place.dataset or target.dataset,
        made_at=made_at,
        expires_at=made_at + timedelta(seconds=ADDRESS_SECONDS),
    )


def _key(place: PlaceDefinition, target: Place, where: AddressParameters) -> str:
    """The key of the file below the URL of the place.

    Raises:
        Problem: 422, the place holds the files of another dataset.
    """
    if place.dataset is None:
        return target.path
    if where.folder is not None or place.dataset not in (where.dataset, target.dataset):
        error = ParameterError(
            parameter="dataset", location="query", expected=f"{place.dataset}: {place.name} takes no other",
            found=where.folder or where.dataset,
        )  # fmt: skip
        raise refused_parameters([error])
    return where.filename


async def _is_known(database: Database, path: str) -> bool:
    """Whether the ledger has a file of that name that is no failed one."""
    return bool(await database.fetch_value(IS_KNOWN, {"path": path}))
