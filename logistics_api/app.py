"""The application: binds the subjects, the database and the edge together; defines none of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute

from logistics_api import errors
from logistics_api.costs import endpoints as costs
from logistics_api.dashboard.files import Web, WebLayer
from logistics_api.database.pool import Database, Limits
from logistics_api.datasets import endpoints as datasets
from logistics_api.datasets.descriptions import describe
from logistics_api.documentation import index, openapi, pages
from logistics_api.documentation.names import refuse_taken_names
from logistics_api.errors import ConfigurationError
from logistics_api.events import endpoints as live
from logistics_api.events.broker import Events
from logistics_api.exports import endpoints as exports
from logistics_api.figures import endpoints as figures
from logistics_api.http import Cache, Edge
from logistics_api.http.application import Application
from logistics_api.http.auth import Access
from logistics_api.http.cors import Preflights, SharedAnswers
from logistics_api.http.logs import AccessLog
from logistics_api.ingestion import endpoints as ingestion
from logistics_api.key_figures import endpoints as dashboard
from logistics_api.metrics import Metrics
from logistics_api.metrics import endpoints as metrics
from logistics_api.metrics.gauges import add_gauges
from logistics_api.metrics.pipeline import Pipeline
from logistics_api.routes import endpoints as route_figures
from logistics_api.rows import endpoints as rows
from logistics_api.session import endpoints as session
from logistics_api.shipments import endpoints as shipments
from logistics_api.system import endpoints as system
from logistics_api.uploads import endpoints as uploads
from logistics_api.vehicles import endpoints as vehicles
from logistics_core.catalogue import Catalogue, ContractError, load_catalogue
from logistics_core.database_contract.roles import READER
from logistics_core.settings import Settings

DESCRIPTION = """
Exact figures about vehicles, their trips and the shipments they carried.

Ranges of days include both ends; a shipment lies on the `trip_date` of its log. Money, rates and sums of measures are
rounded to 2 decimals, trends to 1, half away from zero. Averages skip missing measures; what cannot be computed is
`null`, counts and sums over nothing are 0. Whatever goes wrong is answered as `application/problem+json` (RFC 9457).
"""


def create_app(settings: Settings, *, limits: Limits | None = None) -> Application:
    """Makes the application; it connects to the database when it starts, and starts without one as well.

    Raises:
        ConfigurationError: no database URL is set, or it is not one; a contract cannot be used.
    """
    app = Application(
        title="Logistics Analytics Platform",
        version=version("logistics-analytics-platform"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.catalogue = catalogue = _load_catalogue(settings)
    app.state.events = Events()
    app.state.database = make_database(settings, limits, app.state.events)
    app.state.cache = Cache(app.state.database.freshness, settings.api_cache_bytes)
    routers = (
        dashboard.router,
        figures.router,
        shipments.router,
        vehicles.router,
        route_figures.router,
        costs.router,
        system.router,
        live.router,
        session.router,
        metrics.router,
        datasets.make_router(catalogue),
        rows.make_router(catalogue),
        exports.make_router(catalogue),
        ingestion.router,
        uploads.router,
        index.make_router(catalogue),
    )
    for router in routers:
        app.include_router(router)
    refuse_taken_names(
        (route.name for router in routers for route in router.routes if isinstance(route, APIRoute)), catalogue
    )
    pages.install(app)
    openapi.install(app, catalogue)
    app.state.web = Web(settings, app.openapi, describe(catalogue))
    errors.install(app)
    _watch_the_door(app, settings)
    origins = settings.cors_origins.split(",") if settings.cors_origins is not None else []
    answers = WebLayer(app.behind_front, web=app.state.web)
    app.front = Edge(
        Preflights(answers, origins) if origins else answers,
        cache=app.state.cache,
        access=app.state.access,
        metrics=app.state.metrics,
        log=app.state.access_log,
        template_of=app.template_of,
        private=not app.state.access.anonymous.scopes,
    )
    if origins:
        app.front = SharedAnswers(app.front, origins)
    return app


def _load_catalogue(settings: Settings) -> Catalogue:
    try:
        return load_catalogue(settings.contracts_dir)
    except ContractError as error:
        raise ConfigurationError(str(error)) from error


def _watch_the_door(app: FastAPI, settings: Settings) -> None:
    """Who may pass, and what is counted of it."""
    state = app.state
    state.access = Access(settings)
    state.access_log = AccessLog(settings)
    state.database.looks.append(state.access.reload)
    state.metrics = Metrics(app.version)
    state.pipeline = Pipeline(state.database, state.catalogue)
    state.metrics.registry.register(state.pipeline)
    add_gauges(state.metrics, database=state.database, cache=state.cache, events=state.events, access=state.access)


def make_database(settings: Settings, limits: Limits | None = None, events: Events | None = None) -> Database:
    """The API's own login where it has one, else the pipeline's, reduced to the role that reads."""
    publish = events.publish if events is not None else None
    if settings.api_database_url is not None:
        return Database(settings.api_database_url, limits=limits, publish=publish)
    if settings.database_url is not None:
        return Database(settings.database_url, role=READER, limits=limits, publish=publish)
    raise ConfigurationError(
        "No database to read: set LOGISTICS_API_DATABASE_URL or LOGISTICS_DATABASE_URL, "
        "or run `logistics up`, which starts one."
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.events.open()
    async with app.state.database:
        yield
    app.state.events.close()
    app.state.access_log.flush()


def _operation_id(route: APIRoute) -> str:
    """The function's name: clients generated from the OpenAPI keep their method names when a path moves."""
    return route.name
