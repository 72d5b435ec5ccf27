"""GET /health, /ready and /api/system/status."""

from fastapi import Request, Response

from logistics_api.database.pool import Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import DATABASE_PROBLEMS, FIGURE_PROBLEMS, figures_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_api.system import queries
from logistics_api.system.schemas import Health, Readiness, SystemStatus
from logistics_core.database_contract.schema import SCHEMA_VERSION

router = Router(tags=["system"])


@router.get("/health", summary="Check that the process is running")
async def read_health() -> Health:
    """Depends on nothing else, so it is suitable for a liveness probe."""
    return Health(status="ok")


@router.get("/ready", responses=DATABASE_PROBLEMS, summary="Check that the API is ready to serve requests")
async def read_readiness(database: Reader) -> Readiness:
    """Checks that the database is reachable and has the expected schema version; suitable for a readiness probe."""
    found = await database.fetch_value(queries.SCHEMA_VERSION)
    if found != SCHEMA_VERSION:
        raise _wrong_schema(found)
    return Readiness(status="ready", schema_version=found)


@router.get(
    "/api/system/status",
    response_model=SystemStatus,
    responses=FIGURE_PROBLEMS,
    summary="Get the state of loads and analytics",
)
async def read_system_status(_: NoParameters, request: Request, database: Reader) -> Response:
    """Whether a refresh is running, how current the figures are, and the outcome of files and records."""
    state = request.app.state
    parameters = state.settings.warn_threshold.parameters() | {"contracts_problem": state.contracts.problem}
    response = await figures_response(database, queries.STATUS, parameters)
    response.headers["Cache-Control"] = "no-store"  # it changes within a data version: cached for outages only
    return response


def _wrong_schema(found: str | None) -> Problem:
    newer = found is not None and found > SCHEMA_VERSION
    what_to_do = "Install the matching version of the API" if newer else "Run `logistics migrate`"
    return Problem(
        503,
        "schema-mismatch",
        "Wrong schema version",
        f"The database has schema version {found or 'none'}, this API requires {SCHEMA_VERSION}. {what_to_do}.",
        headers={"Retry-After": "10"},
    )
