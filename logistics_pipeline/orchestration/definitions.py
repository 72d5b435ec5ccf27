"""The Dagster code location: binds assets, jobs, sensors and resources together, and defines none of them.

Everything is built from the settings, the catalogue of datasets and the sources, which are read from the database
whenever the code location is loaded: by the code server, and by every run.
"""

from datetime import UTC, datetime

import dagster as dg

from logistics_core.settings import Settings
from logistics_pipeline.contracts.versions import read_datasets
from logistics_pipeline.orchestration.assets.analytics import build_analytics_tables
from logistics_pipeline.orchestration.assets.api_links import documentation_links
from logistics_pipeline.orchestration.assets.checks import build_asset_checks
from logistics_pipeline.orchestration.assets.forecasts import build_forecast_assets
from logistics_pipeline.orchestration.assets.metadata import with_metadata
from logistics_pipeline.orchestration.assets.models import build_model_assets
from logistics_pipeline.orchestration.assets.pictures import pictures
from logistics_pipeline.orchestration.assets.pull_checks import build_pull_checks
from logistics_pipeline.orchestration.assets.pulled import build_pulled_assets, upstream_of
from logistics_pipeline.orchestration.assets.raw import build_raw_asset, build_retired_asset
from logistics_pipeline.orchestration.assets.refresh_after_load import refresh_after_load
from logistics_pipeline.orchestration.assets.worker import ALERTS, MESSAGES, check_worker
from logistics_pipeline.orchestration.jobs import (
    CHECK_JOB,
    REFRESH_JOB,
    build_forecast_jobs,
    build_load_jobs,
    build_model_jobs,
    build_pull_jobs,
)
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.runtime.code_server import exit_when_cleanup_thread_dies
from logistics_pipeline.orchestration.schedules import (
    NIGHTLY_EXPORT,
    NIGHTLY_HOUSEKEEPING,
    NIGHTLY_PICTURES,
    housekeeping,
    nightly_export,
)
from logistics_pipeline.orchestration.sensors.check_results import build_check_sensor
from logistics_pipeline.orchestration.sensors.contract_proposals import PROPOSALS, build_proposal_sensor
from logistics_pipeline.orchestration.sensors.file_requests import build_request_sensor, unload_on_request
from logistics_pipeline.orchestration.sensors.long_polling import waiting_seconds
from logistics_pipeline.orchestration.sensors.raw_files import build_file_sensor
from logistics_pipeline.orchestration.sensors.source_pulls import build_pull_sensor
from logistics_pipeline.orchestration.sensors.stale_analytics import build_refresh_sensor
from logistics_pipeline.orchestration.sensors.stale_forecasts import build_forecast_sensors
from logistics_pipeline.orchestration.sensors.stale_models import build_model_sensors
from logistics_pipeline.orchestration.sensors.worker_activity import build_worker_sensor
from logistics_pipeline.sources.definitions.in_force import read_sources


def build_definitions(settings: Settings | None = None) -> dg.Definitions:
    """Makes the definitions for the given settings, or for those of the environment.

    Raises:
        TransientError: the database stayed unavailable.
        ContractError: a stored contract cannot be used by this version of the program.
    """
    settings = settings or Settings()
    datasets = read_datasets(settings)
    catalogue = datasets.in_force
    sources = read_sources(settings).rest
    pulled = upstream_of(sources)
    after_load = refresh_after_load if settings.refresh_after_load else None
    raw_tables = [build_raw_asset(dataset, pulled.get(dataset.name, ()), after_load) for dataset in catalogue.values()]
    load_jobs, pull_jobs = build_load_jobs(catalogue), build_pull_jobs(sources.values())
    forecast_jobs, model_jobs = build_forecast_jobs(catalogue), build_model_jobs(catalogue)
    interval = settings.sensor_interval_seconds
    patience = waiting_seconds(interval) if settings.long_polling else 0.0
    return dg.Definitions(
        assets=[
            *build_pulled_assets(sources, settings, datetime.now(UTC)),
            *with_metadata(
                [
                    *raw_tables,
                    build_analytics_tables(catalogue),
                    *build_forecast_assets(catalogue),
                    *build_model_assets(catalogue),
                    pictures,
                ],
                documentation_links(settings),
            ),
            *(build_retired_asset(dataset) for dataset in datasets.retired),
            *(each.merge_attributes(metadata=documentation_links(settings)) for each in (PROPOSALS, ALERTS, MESSAGES)),
        ],
        asset_checks=[*build_asset_checks(catalogue, settings), *build_pull_checks(sources), check_worker],
        jobs=[
            *load_jobs,
            *pull_jobs,
            *forecast_jobs,
            *model_jobs,
            REFRESH_JOB,
            CHECK_JOB,
            housekeeping,
            nightly_export,
            unload_on_request,
        ],
        sensors=[
            build_file_sensor(load_jobs, interval, patience_seconds=patience),
            build_pull_sensor(pull_jobs, interval),
            build_request_sensor(interval),
            build_proposal_sensor(interval),
            build_refresh_sensor(interval, patience_seconds=patience),
            *build_forecast_sensors(forecast_jobs, interval),
            *build_model_sensors(model_jobs, interval),
            build_check_sensor(interval),
            build_worker_sensor(interval),
        ],
        schedules=[NIGHTLY_HOUSEKEEPING, NIGHTLY_PICTURES, NIGHTLY_EXPORT],
        resources={"database": DatabaseResource(settings, catalogue, sources)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster's code server loads."""
    exit_when_cleanup_thread_dies()
    return build_definitions()
