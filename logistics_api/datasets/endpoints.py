"""GET /api/datasets: the datasets and the fields of their records."""

from functools import lru_cache
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from logistics_api.datasets.descriptions import below, describe
from logistics_api.datasets.schemas import Datasets
from logistics_api.http.context import context_of
from logistics_api.http.negotiation import matches
from logistics_api.http.responses import REFUSED_PARAMETERS, Responses
from logistics_api.parameters.date_range import NothingElse
from logistics_core.catalogue import Catalogue

ETAG = {
    "description": "Of the content: the same as long as no contract changes. For If-None-Match",
    "schema": {"type": "string"},
}
RESPONSES: Responses = REFUSED_PARAMETERS | {
    200: {"headers": {"ETag": ETAG}},
    304: {"description": "The datasets have not changed since the ETag in If-None-Match"},
}
PREFIXES_REMEMBERED = 4


def make_router(catalogue: Catalogue) -> APIRouter:
    """Makes the route; its response is built once, because the catalogue is read when the API starts."""
    router = APIRouter(tags=["rows"])

    @lru_cache(PREFIXES_REMEMBERED)
    def content(prefix: str) -> tuple[bytes, dict[str, str]]:
        body = below(prefix, describe(catalogue)).model_dump_json().encode()
        return body, {"ETag": f'"{sha256(body).hexdigest()[:16]}"', "Cache-Control": "no-cache"}

    @router.get("/api/datasets", response_model=Datasets, responses=RESPONSES, summary="The datasets")
    async def read_datasets(_: Annotated[NothingElse, Query()], request: Request) -> Response:
        """Returns the built-in datasets and those with a contract in the data folder when the API started."""
        body, headers = content(context_of(request.scope).prefix)
        known = request.headers.get("if-none-match", "").encode()
        if matches(known, headers["ETag"].encode()):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    return router
