"""The jobs that sensors request and people launch: a load job per dataset, and the refresh of the analytics."""

import dagster as dg

from logistics_pipeline.assets.analytics import analytics_tables
from logistics_pipeline.assets.raw import RAW_ASSETS
from logistics_pipeline.datasets import DATASETS
from logistics_pipeline.retries import NO_RUN_RETRIES

LOAD_JOBS = {
    name: dg.define_asset_job(
        f"load_{name}",
        selection=[asset],
        description=f"Loads files into raw.{name}: one partition per file.",
        # One process per run: half the CPU, and no child that goes on loading when its run is killed.
        executor_def=dg.in_process_executor,
        tags=NO_RUN_RETRIES,
    )
    for name, asset in zip(DATASETS, RAW_ASSETS, strict=True)
}

REFRESH_JOB = dg.define_asset_job(
    "refresh_analytics_job",
    selection=[analytics_tables],
    description="Refreshes all analytics tables for the days that loads made stale.",
    executor_def=dg.in_process_executor,
)
