"""GET /api/datasets: the datasets and the fields of their records."""

from functools import lru_cache

from fastapi import Request, Response

from logistics_api.datasets.descriptions import below, describe
from logistics_api.datasets.schemas import Datasets
from logistics_api.http.context import context_of
from logistics_api.http.descriptions import DESCRIPTION_RESPONSES, Description
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_core.catalogue import Catalogue

PREFIXES_REMEMBERED = 4


def make_router(catalogue: Catalogue, currency: str | None = None) -> Router:
    """Makes the route; its response is built once per prefix, because the catalogue is read when the API starts."""
    router = Router(tags=["rows"])
    datasets = describe(catalogue, currency)

    @lru_cache(PREFIXES_REMEMBERED)
    def description(prefix: str) -> Description:
        return Description(below(prefix, datasets))

    @router.get("/api/datasets", response_model=Datasets, responses=DESCRIPTION_RESPONSES, summary="The datasets")
    async def read_datasets(_: NoParameters, request: Request) -> Response:
        """Returns the built-in datasets and those with a contract in the data folder when the API started."""
        return description(context_of(request.scope).prefix).respond(request)

    return router
