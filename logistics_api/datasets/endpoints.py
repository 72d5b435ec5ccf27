"""GET /api/datasets: the datasets and the fields of their records."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from logistics_api.datasets.descriptions import describe
from logistics_api.datasets.schemas import Datasets
from logistics_api.http.descriptions import DESCRIPTION_RESPONSES, Description
from logistics_api.parameters.date_range import NothingElse
from logistics_core.catalogue import Catalogue


def make_router(catalogue: Catalogue, currency: str | None = None) -> APIRouter:
    """Makes the route; its response is built once, because the catalogue is read when the API starts."""
    router = APIRouter(tags=["rows"])
    datasets = Description(describe(catalogue, currency))

    @router.get("/api/datasets", response_model=Datasets, responses=DESCRIPTION_RESPONSES, summary="The datasets")
    async def read_datasets(_: Annotated[NothingElse, Query()], request: Request) -> Response:
        """Returns the built-in datasets and those with a contract in the data folder when the API started."""
        return datasets.respond(request)

    return router
