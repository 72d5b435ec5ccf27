"""The models: one asset per model that a contract asks for, brought up to date when its records change.

What is done is in `models.updating`; when, in `sensors.stale_models`.
"""

import dagster as dg

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.models import DURATION, DeclaredModel
from logistics_pipeline.models.checks import SCHEMA
from logistics_pipeline.models.training import Trained
from logistics_pipeline.models.updating import Updated, names_of, update_model
from logistics_pipeline.orchestration.assets.analytics import ANALYTICS_KEYS
from logistics_pipeline.orchestration.assets.api_links import models_link
from logistics_pipeline.orchestration.assets.metadata import markdown_table
from logistics_pipeline.orchestration.pools import MODEL_POOL
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried

GROUP = SCHEMA


def model_key(name: str) -> dg.AssetKey:
    """The asset of a model."""
    return dg.AssetKey([SCHEMA, name])


def model_keys(catalogue: Catalogue) -> list[dg.AssetKey]:
    """The assets of all models."""
    return [model_key(name) for name in names_of(catalogue)]


def build_model_assets(catalogue: Catalogue) -> list[dg.AssetsDefinition]:
    """Makes the asset of each model."""
    return [_build(dataset, model) for dataset in catalogue.values() for model in dataset.models]


def _build(dataset: Dataset, model: DeclaredModel) -> dg.AssetsDefinition:
    name = model.full_name(dataset.name)

    @dg.asset(
        key=model_key(name),
        deps=[ANALYTICS_KEYS[-1]],
        description=_describe(dataset, model),
        group_name=GROUP,
        kinds={"postgres", "numpy"},
        owners=["team:logistics"],
        metadata={"dagster/table_name": "models.predictions" if model.kind == DURATION else "models.odd_values"},
        retry_policy=TRANSIENT_RETRIES,
        pool=MODEL_POOL,
    )
    def model_asset(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.MaterializeResult[None]:
        with only_transient_errors_retried():
            found = update_model(
                database.url,
                name,
                settings=database.settings,
                on_wait=lambda: context.log.info("Waiting for another process that uses the model"),
            )
        if found.skipped:
            context.log.info(f"Nothing was trained: {found.skipped}")
        return dg.MaterializeResult(metadata=_metadata(found) | models_link(database.settings, name))

    return model_asset


def _describe(dataset: Dataset, model: DeclaredModel) -> str:
    field = dataset.field(model.field)
    if model.kind == DURATION:
        return (
            f"How long {dataset.title.lower()} take ({field.title.lower()}), with quantiles, and the risk of being "
            f"late."
            "\n\nOne row of `models.predictions` is what was said of a record when it was new; it is scored when the "
            "truth arrives. Versions are trained from finished records, and promoted by a back-test."
        )
    return (
        f"Which values of {field.title.lower()} of {dataset.title.lower()} are odd, and why.\n\nOne row of "
        "`models.odd_values` is a record of the last 90 days, or a group of the last 28, far from what is usual."
    )


def _metadata(found: Updated) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "version": dg.MetadataValue.text("none" if found.version is None else str(found.version)),
        "records_predicted": dg.MetadataValue.int(found.predicted),
        "predictions_scored": dg.MetadataValue.int(found.scored),
        "odd_values": dg.MetadataValue.int(found.odd),
        "seconds": dg.MetadataValue.float(round(found.seconds, 3)),
    }
    if found.trained:
        metadata["trained"] = dg.MetadataValue.md(
            markdown_table(
                ["version", "method", "records", "became", "back-test"], [_row(each) for each in found.trained]
            )
        )
    return metadata


def _row(trained: Trained) -> list[object]:
    version = trained.version
    return [version.version, version.method, trained.records, version.state, trained.verdict.reason]
