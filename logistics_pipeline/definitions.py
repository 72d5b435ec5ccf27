"""The Dagster code location: binds assets, jobs, sensors and resources together, defines none of them."""

import dagster as dg

from logistics_pipeline.assets.analytics import analytics_tables
from logistics_pipeline.assets.checks import ASSET_CHECKS
from logistics_pipeline.assets.links import documentation_links
from logistics_pipeline.assets.metadata import with_metadata
from logistics_pipeline.assets.pictures import pictures
from logistics_pipeline.assets.raw import RAW_ASSETS
from logistics_pipeline.automation import build_refresh_sensor
from logistics_pipeline.check_sensor import build_check_sensor
from logistics_pipeline.code_server import end_with_its_janitor
from logistics_pipeline.jobs import CHECK_JOB, LOAD_JOBS, REFRESH_JOB
from logistics_pipeline.resources import Warehouse
from logistics_pipeline.schedules import NIGHTLY_HOUSEKEEPING, NIGHTLY_PICTURES, housekeeping
from logistics_pipeline.sensors import build_file_sensor
from logistics_settings import Settings


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
