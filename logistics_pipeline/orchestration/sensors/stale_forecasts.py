"""When forecasts are made anew: once the figures have settled, and not more often than the settings say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting.refitting import due_datasets
from logistics_pipeline.orchestration.assets.forecasts import forecasts_key
from logistics_pipeline.orchestration.jobs import FORECAST_JOB
from logistics_pipeline.orchestration.sensors.after_refresh import Due, WorkAfterRefresh, build_sensors

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def build_forecast_sensors(
    jobs: "Sequence[UnresolvedAssetJobDefinition]", interval_seconds: int
) -> list[dg.SensorDefinition]:
    """Makes the sensor that requests fits; none without a job to request."""
    return build_sensors(_FITS, jobs, interval_seconds)


def _due(connection: Connection, catalogue: Catalogue, settings: Settings) -> list[Due]:
    due = due_datasets(connection, catalogue, settings)
    return [Due(forecasts_key(each.dataset), each.dataset, each.reason) for each in due]


_FITS = WorkAfterRefresh(
    sensor="stale_forecasts",
    job_name=FORECAST_JOB,
    description="Makes forecasts of a dataset anew when its figures or contract have changed, or a period is over.",
    due=_due,
    under_way="forecasts are being made",
    failed="the last fit failed a moment ago",
    up_to_date="the forecasts are up to date",
)
