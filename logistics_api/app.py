"""The application: assembles the subjects, the database and the middleware, and defines none of them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import State

from logistics_api.alerts import endpoints as alerts
from logistics_api.alerts import rules as alert_rules
from logistics_api.alerts import windows as alert_windows
from logistics_api.audit import endpoints as audit
from logistics_api.boards import endpoints as boards
from logistics_api.contracts import endpoints as contracts
from logistics_api.costs import endpoints as costs
from logistics_api.dashboard.files import Dashboard, DashboardMiddleware
from logistics_api.dashboard.vega_bundle import VegaBundle
from logistics_api.database.contracts import FollowedContracts, read_contracts
from logistics_api.database.limits import Limits
from logistics_api.database.pool import Database
from logistics_api.datasets import endpoints as datasets
from logistics_api.datasets.descriptions import describe
from logistics_api.documentation import index, openapi, pages
from logistics_api.documentation.names import refuse_taken_names
from logistics_api.errors import ConfigurationError
from logistics_api.events import endpoints as events
from logistics_api.events.broker import DATASETS_EVENT, Events
from logistics_api.exports import endpoints as exports
from logistics_api.exports import rejects
from logistics_api.figures import endpoints as figures
from logistics_api.file_requests import endpoints as file_requests
from logistics_api.forecasts import endpoints as forecasts
from logistics_api.graphql import endpoints as graphql
from logistics_api.graphql import graphiql
from logistics_api.graphql.documents import PersistedDocuments
from logistics_api.graphql.service import GraphqlService
from logistics_api.history import endpoints as history
from logistics_api.http import error_handlers, stack
from logistics_api.http.access_log import AccessLog
from logistics_api.http.application import Application
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.cache import ResponseCache
from logistics_api.http.routing import Router
from logistics_api.identities import endpoints as identities
from logistics_api.ingestion import endpoints as ingestion
from logistics_api.key_figures import endpoints as key_figures
from logistics_api.metrics import endpoints as metrics
from logistics_api.models import endpoints as models
from logistics_api.models import inference, jobs
from logistics_api.monitoring import endpoints as monitoring
from logistics_api.monitoring.gauges import add_gauges
from logistics_api.monitoring.pipeline import Pipeline
from logistics_api.monitoring.recording import Metrics
from logistics_api.my_notifications import endpoints as my_notifications
from logistics_api.notifications import endpoints as notifications
from logistics_api.notifications import previews, reports, template_previews, templates, unsubscribing
from logistics_api.openid.provider import make_provider
from logistics_api.profiles import endpoints as profiles
from logistics_api.quality import endpoints as quality
from logistics_api.querying.registry import RollupRegistry
from logistics_api.routes import endpoints as routes
from logistics_api.row_access.middleware import RowAccessMiddleware
from logistics_api.row_access.operations import narrowings
from logistics_api.row_access.permitted import RowPermissions
from logistics_api.rows import endpoints as rows
from logistics_api.session import endpoints as session
from logistics_api.session import sign_in
from logistics_api.shipments import endpoints as shipments
from logistics_api.sources import endpoints as sources
from logistics_api.system import endpoints as system
from logistics_api.uploads import address_endpoints as upload_addresses
from logistics_api.uploads import endpoints as uploads
from logistics_api.uploads.slots import UploadSlots
from logistics_api.vehicles import endpoints as vehicles
from logistics_api.vocabulary import endpoints as vocabulary
from logistics_api.vocabulary.schemas import describe_measures
from logistics_core.catalogue import Catalogue, ContractError, load_catalogue
from logistics_core.database_contract.roles import READER
from logistics_core.settings import Settings

logger = logging.getLogger("logistics_api")

DESCRIPTION = """
Exact figures about vehicles, their trips and the shipments they carried.

Date ranges include both ends; a shipment is dated by the `trip_date` of its log. Money, rates and sums of measures are
rounded to 2 decimals, trends to 1, half away from zero. Averages skip missing measures. Values that cannot be computed
are `null`; counts and sums over no data are 0. Errors are returned as `application/problem+json` (RFC 9457).
"""


def create_app(settings: Settings, *, limits: Limits | None = None) -> Application:
    """Creates the application. It connects to the database on startup, but also starts if the database is unavailable.

    Raises:
        ConfigurationError: the database URL is missing or invalid, or a contract is invalid.
    """
    catalogue = _load_catalogue(settings)
    app = _make_application()
    _add_shared_state(app, settings, limits, catalogue)
    _add_datasets(app, catalogue, VegaBundle(settings.data_dir / "cache"))
    _add_middleware(app, settings)
    return app


def _make_application() -> Application:
    return Application(
        title="Logistics Analytics Platform",
        version=version("logistics-analytics-platform"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )


def _add_datasets(app: Application, catalogue: Catalogue, vega: VegaBundle) -> None:
    """Adds all that follows from the catalogue: routes, documentation, and descriptions for the dashboard.

    Raises:
        ConfigurationError: a dataset has a name that the API uses.
    """
    settings: Settings = app.state.settings
    app.state.catalogue = catalogue
    app.state.row_permissions = RowPermissions(catalogue)
    app.state.graphql = GraphqlService(catalogue, settings.graphql_max_cost)
    routers = _routers(settings, catalogue)
    for router in routers:
        app.router.routes += router.routes
    operations = (route.name for router in routers for route in router.routes if isinstance(route, APIRoute))
    refuse_taken_names(operations, catalogue)
    pages.install(app)
    graphiql.install(app)
    graphql.install(app)
    openapi.install(app, catalogue, settings.currency)
    error_handlers.install(app)
    # Not `app.openapi` itself: it is replaced (`openapi.install`).
    dashboard = app.state.dashboard = Dashboard(
        settings,
        lambda: app.openapi(),
        describe(catalogue, settings.currency),
        describe_measures(settings.currency, settings.on_time_hours),
        vega,
    )
    app.routed = graphql.GraphqlMiddleware(
        DashboardMiddleware(
            RowAccessMiddleware(app.dispatch, operation_of=app.operation_of, narrowings=narrowings(catalogue)),
            dashboard=dashboard,
            template_of=app.template_of,
        ),
        owner=app,
    )


async def _serve_datasets(app: Application, catalogue: Catalogue) -> None:
    """Serves other datasets from now on: a second application is made beside the one that serves, and takes its place.

    Both share connections, keys, events and metrics; requests under way are finished by the first.

    Raises:
        ConfigurationError: a dataset has a name that the API uses; everything stays as it is.
    """
    successor = await asyncio.to_thread(_make_successor, app, catalogue)
    app.successor = successor
    app.state.cache.clear()
    app.state.pipeline.catalogue = catalogue
    app.state.events.publish(DATASETS_EVENT, json.dumps(list(catalogue)))
    logger.info("Serving %d datasets: %s", len(catalogue), ", ".join(catalogue))


def _make_successor(app: Application, catalogue: Catalogue) -> Application:
    successor = _make_application()
    successor.state = State(dict(app.state._state))
    _add_datasets(successor, catalogue, app.state.dashboard.vega)
    return successor


def _load_catalogue(settings: Settings) -> Catalogue:
    """The datasets of the database; those of the folder of contracts if it does not answer yet."""
    try:
        stored = read_contracts(make_database(settings).read_only)
        return load_catalogue(settings.contracts_dir) if stored is None else stored
    except ContractError as error:
        raise ConfigurationError(str(error)) from error


def _routers(settings: Settings, catalogue: Catalogue) -> tuple[Router, ...]:
    """The routers of all subjects, in matching order."""
    return (
        metrics.router,
        key_figures.router,
        figures.router,
        shipments.router,
        vehicles.router,
        routes.router,
        costs.router,
        system.router,
        events.router,
        session.router,
        sign_in.router,
        monitoring.router,
        vocabulary.make_router(settings),
        datasets.make_router(catalogue, settings.currency),
        profiles.router,
        quality.router,
        contracts.router,
        alerts.router,
        alert_rules.router,
        alert_windows.router,
        boards.router,
        identities.router,
        sources.router,
        notifications.router,
        my_notifications.router,
        reports.router,
        previews.router,
        templates.router,
        template_previews.router,
        unsubscribing.make_router(),
        audit.router,
        forecasts.router,
        history.make_router(catalogue),
        models.router,
        jobs.router,
        inference.router,
        rows.make_router(catalogue),  # after the figures: the keys in its paths match any text
        exports.make_router(catalogue),
        ingestion.router,
        rejects.router,
        file_requests.router,
        uploads.router,
        upload_addresses.router,
        index.make_router(catalogue),
    )


def _add_shared_state(app: Application, settings: Settings, limits: Limits | None, catalogue: Catalogue) -> None:
    """Creates the components that endpoints and middleware share, whichever datasets there are."""
    state = app.state
    state.settings = settings
    state.events = Events()
    state.database = make_database(settings, limits, state.events)
    state.cache = ResponseCache(state.database.freshness, settings.api_cache_bytes)
    state.authenticator = Authenticator(settings, state.database)
    state.database.on_poll(state.authenticator.keyring.reload)
    state.database.on_poll(state.authenticator.sessions.reload)
    state.provider = make_provider(settings)
    state.contracts = FollowedContracts(catalogue, lambda found: _serve_datasets(app, found))
    state.database.on_poll(state.contracts.poll)
    state.rollups = RollupRegistry()
    state.model_documents = {}
    state.persisted_documents = PersistedDocuments()
    state.upload_slots = UploadSlots()
    state.access_log = AccessLog(settings)
    state.metrics = Metrics(app.version)
    state.pipeline = Pipeline(state.database, catalogue, settings.warn_threshold)
    state.metrics.registry.register(state.pipeline)
    add_gauges(
        state.metrics,
        database=state.database,
        cache=state.cache,
        events=state.events,
        authenticator=state.authenticator,
    )


def _add_middleware(app: Application, settings: Settings) -> None:
    state = app.state
    app.entry_point = stack.wrap(
        app.serve,
        authenticator=state.authenticator,
        cache=state.cache,
        metrics=state.metrics,
        log=state.access_log,
        template_of=app.template_of,
        prefix=settings.api_prefix,
        origins=settings.cors_origins.split(",") if settings.cors_origins is not None else (),
    )


def make_database(settings: Settings, limits: Limits | None = None, events: Events | None = None) -> Database:
    """Uses the API's own logins if configured, otherwise the pipeline's with the rights of the API's roles."""
    publish = events.publish if events is not None else None
    operator_url = settings.api_operator_database_url
    if settings.api_database_url is not None:
        return Database(settings.api_database_url, limits=limits, publish=publish, operator_url=operator_url)
    if settings.database_url is not None:
        return Database(settings.database_url, role=READER, limits=limits, publish=publish, operator_url=operator_url)
    raise ConfigurationError(
        "No database is configured: set LOGISTICS_API_DATABASE_URL or LOGISTICS_DATABASE_URL, "
        "or run `logistics up`, which starts one."
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.events.open()
    async with app.state.database, app.state.authenticator.sessions, exports.lifespan(app):
        yield
    app.state.events.close()
    app.state.access_log.flush()
