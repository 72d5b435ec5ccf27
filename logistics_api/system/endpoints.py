"""GET /health, /ready and /api/system/status."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import DATABASE_PROBLEMS, FIGURE_PROBLEMS, json_response
from logistics_api.parameters.date_range import NothingElse
from logistics_api.system import queries
from logistics_api.system.schemas import Health, Readiness, SystemStatus
from logistics_core.database_contract.schema import SCHEMA_VERSION

router = APIRouter(tags=["system"])


@router.get("/health", summary="Whether the process answers")
async def read_health() -> Health:
    """Asks nobody else: fit for a liveness probe."""
    return Health(status="ok")


@router.get("/ready", responses=DATABASE_PROBLEMS, summary="Whether questions can be answered")
async def read_readiness(database: Reader) -> Readiness:
    """The database can be reached and has the schema this API was written for: fit for a readiness probe."""
    found = await database.fetch_value(queries.SCHEMA_VERSION)
    if found != SCHEMA_VERSION:
        raise _wrong_schema(found)
    return Readiness(status="ready", schema_version=found)


@router.get(
    "/api/system/status",
    response_model=SystemStatus,
    responses=FIGURE_PROBLEMS,
    summary="What is loaded and calculated",
)
async def read_system_status(_: Annotated[NothingElse, Query()], database: Reader) -> Response:
    """Whether a refresh is running, how old the figures are, and how files and records fared."""
    return json_response(await database.fetch_value(queries.STATUS))


def _wrong_schema(found: str | None) -> Problem:
    newer = found is not None and found > SCHEMA_VERSION
    what_to_do = "Install the version of the API that belongs to it" if newer else "Run `logistics migrate`"
    return Problem(
        503,
        "schema-mismatch",
        "Wrong schema version",
        f"The database has schema version {found or 'none'}, this API was written for {SCHEMA_VERSION}. {what_to_do}.",
        headers={"Retry-After": "10"},
    )
