"""The jobs that sensors request and people launch: one per dataset and per source, the refresh, the checks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import dagster as dg

from logistics_core.catalogue import Catalogue
from logistics_pipeline.orchestration.assets.analytics import ANALYTICS_KEYS
from logistics_pipeline.orchestration.assets.checks import CHECK_EVERYTHING
from logistics_pipeline.orchestration.assets.forecasts import GROUP as FORECAST_GROUP
from logistics_pipeline.orchestration.assets.forecasts import datasets_with_forecasts, forecasts_key
from logistics_pipeline.orchestration.assets.models import GROUP as MODEL_GROUP
from logistics_pipeline.orchestration.assets.models import model_keys
from logistics_pipeline.orchestration.assets.pulled import pulled_key
from logistics_pipeline.orchestration.assets.raw import raw_key
from logistics_pipeline.orchestration.assets.worker import check_worker
from logistics_pipeline.orchestration.retries import NO_RUN_RETRIES
from logistics_pipeline.sources.definitions.definition import RestSource

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def load_job_name(dataset: str) -> str:
    """The name of the job that loads files of a dataset."""
    return f"load_{dataset}"


def build_load_jobs(catalogue: Catalogue) -> "list[UnresolvedAssetJobDefinition]":
    """Makes the load job of each dataset."""
    return [
        dg.define_asset_job(
            load_job_name(dataset),
            # Without the table's checks: they run with the refresh that follows, and would be skipped here.
            selection=dg.AssetSelection.assets(raw_key(dataset)).without_checks(),
            description=f"Loads files into raw.{dataset}: one partition per file.",
            # One process per run takes half the CPU, and leaves no child that loads on when its run is killed.
            executor_def=dg.in_process_executor,
            tags=NO_RUN_RETRIES,
        )
        for dataset in catalogue
    ]


PULL_TAG = {"logistics/pull": "true"}
"""Of all runs that pull. dagster.yaml limits how many there are, so that slow sources leave room for loads."""


def pull_job_name(source: str) -> str:
    """The name of the job that pulls a source."""
    return f"pull_{source}"


def build_pull_jobs(sources: Iterable[RestSource]) -> "list[UnresolvedAssetJobDefinition]":
    """Makes the job of each source: its resources one after the other, parents before children."""
    return [
        dg.define_asset_job(
            pull_job_name(source.name),
            selection=dg.AssetSelection.assets(*(pulled_key(source.name, name) for name in source.names)),
            description=f"Pulls {source.title or source.name}: all its resources, or those that are selected.",
            executor_def=dg.in_process_executor,
            tags=NO_RUN_RETRIES | PULL_TAG,
        )
        for source in sources
    ]


FORECAST_JOB = "forecast_job"


def build_forecast_jobs(catalogue: Catalogue) -> "list[UnresolvedAssetJobDefinition]":
    """Makes the job that makes forecasts, all or those that are selected; none without datasets that have some."""
    keys = [forecasts_key(dataset.name) for dataset in datasets_with_forecasts(catalogue)]
    if not keys:
        return []
    return [
        dg.define_asset_job(
            FORECAST_JOB,
            selection=dg.AssetSelection.assets(*keys),
            description="Makes forecasts from the newest figures, scores those whose periods are over, checks both.",
            executor_def=dg.in_process_executor,
        )
    ]


MODELS_JOB = "models_job"


def build_model_jobs(catalogue: Catalogue) -> "list[UnresolvedAssetJobDefinition]":
    """Makes the job that brings models up to date, all or those that are selected; none without models."""
    keys = model_keys(catalogue)
    if not keys:
        return []
    return [
        dg.define_asset_job(
            MODELS_JOB,
            selection=dg.AssetSelection.assets(*keys),
            description="Predicts new records, scores earlier predictions, trains and tests versions, checks all of "
            "it.",
            executor_def=dg.in_process_executor,
        )
    ]


CHECKS_OF_TABLES = (
    dg.AssetSelection.all_asset_checks()
    - dg.AssetSelection.groups(FORECAST_GROUP, MODEL_GROUP)
    - dg.AssetSelection.checks(check_worker)
)
"""Those of forecasts and models run with them, that of the worker is repeated by its sensor."""

REFRESH_JOB = dg.define_asset_job(
    "refresh_analytics_job",
    selection=dg.AssetSelection.assets(*ANALYTICS_KEYS) | CHECKS_OF_TABLES,
    description="Refreshes all analytics tables for the days that loads made stale, then checks all tables.",
    executor_def=dg.in_process_executor,
)

CHECK_JOB = dg.define_asset_job(
    "check_everything",
    selection=CHECKS_OF_TABLES,
    description="Compares all days with the raw rows and counts the rows of every file. Changes nothing.",
    config=CHECK_EVERYTHING,
    executor_def=dg.in_process_executor,
)
