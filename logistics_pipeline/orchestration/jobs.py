"""The jobs that sensors request and people launch: a load job per dataset, the refresh of the analytics, the checks."""

import dagster as dg

from logistics_core.catalogue import DATASETS
from logistics_pipeline.orchestration.assets.analytics import analytics_tables
from logistics_pipeline.orchestration.assets.checks import CHECK_EVERYTHING
from logistics_pipeline.orchestration.assets.raw import RAW_ASSETS
from logistics_pipeline.orchestration.retries import NO_RUN_RETRIES

LOAD_JOBS = {
    name: dg.define_asset_job(
        f"load_{name}",
        # Without the checks of the table: they follow with the refresh, and would be skipped here.
        selection=dg.AssetSelection.assets(asset).without_checks(),
        description=f"Loads files into raw.{name}: one partition per file.",
        # One process per run: half the CPU, and no child that goes on loading when its run is killed.
        executor_def=dg.in_process_executor,
        tags=NO_RUN_RETRIES,
    )
    for name, asset in zip(DATASETS, RAW_ASSETS, strict=True)
}

REFRESH_JOB = dg.define_asset_job(
    "refresh_analytics_job",
    selection=dg.AssetSelection.assets(analytics_tables) | dg.AssetSelection.all_asset_checks(),
    description="Refreshes all analytics tables for the days that loads made stale, then checks all tables.",
    executor_def=dg.in_process_executor,
)

CHECK_JOB = dg.define_asset_job(
    "check_everything",
    selection=dg.AssetSelection.all_asset_checks(),
    description="Compares all days with the raw rows and counts the rows of every file. Changes nothing.",
    config=CHECK_EVERYTHING,
    executor_def=dg.in_process_executor,
)
