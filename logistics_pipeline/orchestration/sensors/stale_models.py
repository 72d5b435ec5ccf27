"""When models are brought up to date: once the figures have settled after records have changed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.models.updating import due_models
from logistics_pipeline.orchestration.assets.models import model_key
from logistics_pipeline.orchestration.jobs import MODELS_JOB
from logistics_pipeline.orchestration.sensors.after_refresh import Due, WorkAfterRefresh, build_sensors

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def build_model_sensors(
    jobs: "Sequence[UnresolvedAssetJobDefinition]", interval_seconds: int
) -> list[dg.SensorDefinition]:
    """Makes the sensor that requests updates; none without a job to request."""
    return build_sensors(_UPDATES, jobs, interval_seconds)


def _due(connection: Connection, catalogue: Catalogue, settings: Settings) -> list[Due]:
    due = due_models(connection, catalogue, settings)
    return [Due(model_key(each.model), each.model, each.reason) for each in due]


_UPDATES = WorkAfterRefresh(
    sensor="stale_models",
    job_name=MODELS_JOB,
    description="Predicts new records and scores earlier predictions after each refresh, and trains models when due.",
    due=_due,
    under_way="models are being brought up to date",
    failed="the last update failed a moment ago",
    up_to_date="the models are up to date",
)
