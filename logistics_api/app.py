"""The application: binds the subjects, the database and the edge together; defines none of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from logistics_api import errors
from logistics_api.dashboard import routes as dashboard
from logistics_api.database import Database, Limits
from logistics_api.edge import Edge
from logistics_api.errors import ConfigurationError, ProblemBody
from logistics_api.shipments import routes as shipments
from logistics_api.system import routes as system
from logistics_api.vehicles import routes as vehicles
from logistics_settings import Settings

READER = "logistics_reader"
DESCRIPTION = """
Exact figures about vehicles, their trips and the shipments they carried.

Ranges of days include both ends; a shipment lies on the `trip_date` of its log. Money, rates and sums of measures are
rounded to 2 decimals, trends to 1, half away from zero. Averages skip missing measures; what cannot be computed is
`null`, counts and sums over nothing are 0. Whatever goes wrong is answered as `application/problem+json` (RFC 9457).
"""


def create_app(settings: Settings, *, limits: Limits | None = None) -> FastAPI:
    """Makes the application; it connects to the database when it starts, and starts without one as well.

    Raises:
        ConfigurationError: no database URL is set, or it is not one.
    """
    app = FastAPIOffline(
        "/docs",
        None,
        title="Logistics Analytics Platform",
        version=version("logistics-analytics-platform"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        swagger_ui_parameters={"validatorUrl": None},
    )
    app.state.database = make_database(settings, limits)
    for subject in (dashboard, shipments, vehicles, system):
        app.include_router(subject.router)
    app.add_api_route("/", read_index, include_in_schema=False)
    app.add_middleware(Edge)
    errors.install(app)
    _declare_problems(app)
    return app


def make_database(settings: Settings, limits: Limits | None = None) -> Database:
    """The API's own login where it has one, else the pipeline's, reduced to the role that reads."""
    if settings.api_database_url is not None:
        return Database(settings.api_database_url, limits=limits)
    if settings.database_url is not None:
        return Database(settings.database_url, role=READER, limits=limits)
    raise ConfigurationError(
        "No database to read: set LOGISTICS_API_DATABASE_URL or LOGISTICS_DATABASE_URL, "
        "or run `logistics up`, which starts one."
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.database:
        yield


async def read_index() -> dict[str, str]:
    """Where to go from here."""
    return {
        "documentation": "/docs",
        "openapi": "/openapi.json",
        "dashboard": "/api/dashboard",
        "shipments": "/api/shipments/analytics",
        "vehicles": "/api/vehicles/metrics",
        "status": "/api/system/status",
        "health": "/health",
        "ready": "/ready",
    }


def _operation_id(route: APIRoute) -> str:
    """The function's name: clients generated from the OpenAPI keep their method names when a path moves."""
    return route.name


def _declare_problems(app: FastAPI) -> None:
    """Adds the schema of a problem to the OpenAPI. FastAPI would declare it as application/json."""
    framework_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        document = framework_openapi()
        schema = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= schema.pop("$defs") | {"Problem": schema}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
