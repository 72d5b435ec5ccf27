"""GET /api/measures: label, unit, definition and good direction of every measure."""

from fastapi import Request, Response

from logistics_api.http.descriptions import DESCRIPTION_RESPONSES, Description
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_api.vocabulary.schemas import Measures, describe_measures
from logistics_core.settings import Settings


def make_router(settings: Settings) -> Router:
    """Makes the route; its response is built once, because settings are read when the API starts."""
    router = Router(tags=["measures"])
    measures = Description(describe_measures(settings.currency, settings.on_time_hours))

    @router.get(
        "/api/measures", response_model=Measures, responses=DESCRIPTION_RESPONSES, summary="What the measures mean"
    )
    async def read_measures(_: NoParameters, request: Request) -> Response:
        """Returns label, unit, definition and good direction of every measure, the same on pages and in this document.

        A response field that shows a measure names it as `x-measure` in its schema.
        """
        return measures.respond(request)

    return router
