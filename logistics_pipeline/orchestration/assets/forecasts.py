"""The forecasts: one asset per dataset whose contract asks for some, made anew when its figures change.

What is done is in `forecasting.refitting`; when, in `sensors.stale_forecasts`.
"""

from collections.abc import Sequence

import dagster as dg

from logistics_core.catalogue import Catalogue, Dataset
from logistics_pipeline.forecasting.checks import SCHEMA
from logistics_pipeline.forecasting.refitting import Refit, refit
from logistics_pipeline.orchestration.assets.analytics import ANALYTICS_KEYS
from logistics_pipeline.orchestration.assets.api_links import forecasts_link
from logistics_pipeline.orchestration.assets.metadata import markdown_table
from logistics_pipeline.orchestration.pools import FORECAST_POOL
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried

GROUP = SCHEMA

ROLLUPS_KEY = ANALYTICS_KEYS[-1]


def forecasts_key(dataset: str) -> dg.AssetKey:
    """The asset of the forecasts of a dataset."""
    return dg.AssetKey([SCHEMA, dataset])


def datasets_with_forecasts(catalogue: Catalogue) -> list[Dataset]:
    """The datasets whose contracts ask for forecasts."""
    return [dataset for dataset in catalogue.values() if dataset.forecasts]


def build_forecast_assets(catalogue: Catalogue) -> list[dg.AssetsDefinition]:
    """Makes the asset of each dataset with forecasts."""
    return [_build(dataset) for dataset in datasets_with_forecasts(catalogue)]


def _build(dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        key=forecasts_key(dataset.name),
        deps=[ROLLUPS_KEY],
        description=_describe(dataset),
        group_name=GROUP,
        kinds={"postgres", "numpy"},
        owners=["team:logistics"],
        metadata={"dagster/table_name": "forecast.forecasts"},
        retry_policy=TRANSIENT_RETRIES,
        pool=FORECAST_POOL,
    )
    def forecasts(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.MaterializeResult[None]:
        with only_transient_errors_retried():
            found = refit(
                database.url,
                dataset.name,
                most_series=database.settings.forecast_series,
                on_wait=lambda: context.log.info("Waiting for another fit to end"),
            )
        return dg.MaterializeResult(metadata=_metadata(found) | forecasts_link(database.settings, dataset.name))

    return forecasts


def _describe(dataset: Dataset) -> str:
    parts = [
        f"{', '.join(entry.metrics)} per {entry.grain}, {entry.horizon} ahead, "
        + " and ".join(f"by {', '.join(level)}" if level else "in total" for level in entry.levels)
        for entry in dataset.forecasts
    ]
    return (
        f"What is likely of {dataset.title.lower()}: {'; '.join(parts)}.\n\nOne row of `forecast.forecasts` is a "
        "forecast of a series with its intervals, chosen by a back-test at every fit. Every one is kept, and scored "
        "when its periods are over."
    )


def _metadata(found: Sequence[Refit]) -> dict[str, dg.MetadataValue]:
    rows = [
        [
            f"{each.metric} per {each.grain}",
            each.series,
            each.horizon,
            each.last_period,
            _per_cent(each.error),
            _per_cent(each.naive_error),
            ", ".join(f"{name} {number}" for name, number in each.methods.items()),
        ]
        for each in found
    ]
    header = ["metric", "series", "periods ahead", "known until", "error", "repeated", "methods"]
    return {
        "fits": dg.MetadataValue.md(markdown_table(header, rows)),
        "series": dg.MetadataValue.int(sum(each.series for each in found)),
        "actuals_scored": dg.MetadataValue.int(sum(each.actuals_scored for each in found)),
        "set_back_to_naive": dg.MetadataValue.int(sum(each.set_back for each in found)),
        "seconds": dg.MetadataValue.float(round(sum(each.seconds for each in found), 3)),
    }


def _per_cent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
