"""The Dagster code location: binds assets, jobs, sensors and resources together, defines none of them."""

import dagster as dg

from logistics_pipeline.assets.analytics import analytics_tables
from logistics_pipeline.assets.raw import RAW_ASSETS
from logistics_pipeline.automation import build_refresh_sensor
from logistics_pipeline.jobs import LOAD_JOBS, REFRESH_JOB
from logistics_pipeline.resources import Warehouse
from logistics_pipeline.sensors import build_file_sensor
from logistics_settings import Settings


def build_definitions(settings: Settings | None = None) -> dg.Definitions:
    """Makes the definitions for the given settings, or for those of the environment."""
    settings = settings or Settings()
    return dg.Definitions(
        assets=[*RAW_ASSETS, analytics_tables],
        jobs=[*LOAD_JOBS.values(), REFRESH_JOB],
        sensors=[
            build_file_sensor(settings.sensor_interval_seconds),
            build_refresh_sensor(settings.sensor_interval_seconds),
        ],
        resources={"warehouse": Warehouse(settings)},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster's code server loads."""
    return build_definitions()
