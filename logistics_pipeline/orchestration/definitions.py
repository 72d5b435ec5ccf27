"""The Dagster code location: binds assets, jobs, sensors and resources together, defines none of them."""

import dagster as dg

from logistics_core.settings import Settings
from logistics_pipeline.orchestration.assets.analytics import analytics_tables
from logistics_pipeline.orchestration.assets.api_links import documentation_links
from logistics_pipeline.orchestration.assets.checks import ASSET_CHECKS
from logistics_pipeline.orchestration.assets.metadata import with_metadata
from logistics_pipeline.orchestration.assets.pictures import pictures
from logistics_pipeline.orchestration.assets.raw import RAW_ASSETS
from logistics_pipeline.orchestration.jobs import CHECK_JOB, LOAD_JOBS, REFRESH_JOB
from logistics_pipeline.orchestration.resources import Warehouse
from logistics_pipeline.orchestration.runtime.code_server import end_with_its_janitor
from logistics_pipeline.orchestration.schedules import NIGHTLY_HOUSEKEEPING, NIGHTLY_PICTURES, housekeeping
from logistics_pipeline.orchestration.sensors.check_results import build_check_sensor
from logistics_pipeline.orchestration.sensors.raw_files import build_file_sensor
from logistics_pipeline.orchestration.sensors.stale_analytics import build_refresh_sensor


def build_definitions(settings: Settings | None = None) -> dg.Definitions:
    """Makes the definitions for the given settings, or for those of the environment."""
    settings = settings or Settings()
    return dg.Definitions(
        assets=with_metadata([*RAW_ASSETS, analytics_tables, pictures], documentation_links(settings)),
        asset_checks=ASSET_CHECKS,
        jobs=[*LOAD_JOBS.values(), REFRESH_JOB, CHECK_JOB, housekeeping],
        sensors=[
            build_file_sensor(settings.sensor_interval_seconds),
            build_refresh_sensor(settings.sensor_interval_seconds),
            build_check_sensor(settings.sensor_interval_seconds),
        ],
        schedules=[NIGHTLY_HOUSEKEEPING, NIGHTLY_PICTURES],
        resources={"warehouse": Warehouse(settings)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster's code server loads."""
    end_with_its_janitor()
    return build_definitions()
