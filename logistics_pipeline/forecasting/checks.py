"""What is checked of forecasts: that they beat repeating the last season, hold what came true, and are not old."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.database_contract.forecasts import ENOUGH_SCORED
from logistics_core.settings import Settings
from logistics_pipeline.analytics.checks.model import Check, Finding
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting.accuracy import Accuracy, accuracy_of
from logistics_pipeline.forecasting.refitting import due_datasets

SCHEMA = "forecasts"
"""What the assets and checks of forecasts are called, before the name of their dataset."""

LOWEST_COVERAGE, HIGHEST_COVERAGE = 0.80, 0.97
"""Of the central 90 %."""
GRACE_SECONDS = 3_600
"""How much later than after the interval forecasts may be made."""


def forecast_checks(catalogue: Catalogue, settings: Settings) -> list[Check]:
    """The checks of all datasets that have forecasts."""
    return [check for dataset in catalogue.values() if dataset.forecasts for check in _checks_of(dataset, settings)]


def _checks_of(dataset: Dataset, settings: Settings) -> Iterator[Check]:
    decides = (
        f"Over the last six weeks (or months), or in the back-test as long as fewer than {ENOUGH_SCORED} were scored"
    )
    for find, description in (
        (
            better_than_naive,
            f"{decides}, no level of a metric has a higher error than repeating the last season.",
        ),
        (
            coverage,
            f"{decides}, {LOWEST_COVERAGE:.0%} to {HIGHEST_COVERAGE:.0%} of what came true was within the 90 % "
            "intervals.",
        ),
    ):
        yield Check(SCHEMA, dataset.name, find.__name__, description, partial(find, dataset))
    yield Check(
        SCHEMA,
        dataset.name,
        fresh.__name__,
        "The forecasts are of the newest figures, or will be within the interval (LOGISTICS_FORECAST_INTERVAL).",
        partial(fresh, dataset, settings),
    )


def better_than_naive(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """No level has a higher error than seasonal naive. Cost: reads the sums of some weeks of fits."""
    found = [
        each
        for each in accuracy_of(connection, dataset.name)
        if each.error is not None and each.naive_error is not None
    ]
    worse = [each for each in found if (each.error or 0) > (each.naive_error or 0)]
    figures: dict[str, Any] = {each.name: f"{each.error:.3f}, repeated {each.naive_error:.3f}" for each in found} | {
        "levels_worse": len(worse)
    }
    if worse:
        return Finding.warning(
            f"Repeating the last season was better for {_listed(worse)}. Series that lose for four weeks are set back "
            "to it by themselves; /api/forecasts/accuracy shows since when the error has risen.",
            figures,
        )
    if not found:
        return Finding.passing("Nothing was scored yet.", figures)
    return Finding.passing("No level has a higher error than repeating the last season.", figures)


def coverage(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """The intervals hold about as much as they say. Cost: as `better_than_naive`."""
    found = [each for each in accuracy_of(connection, dataset.name) if each.coverage is not None]
    outside = [each for each in found if not LOWEST_COVERAGE <= (each.coverage or 0) <= HIGHEST_COVERAGE]
    figures = {each.name: each.coverage for each in found} | {"levels_outside": len(outside)}
    if outside:
        shares = ", ".join(f"{each.name}: {each.coverage:.0%}" for each in outside)
        return Finding.warning(
            f"The 90 % intervals held another share of what came true ({shares}). They become wider or narrower with "
            "each period that is scored.",
            figures,
        )
    if not found:
        return Finding.passing("Nothing was scored yet.", figures)
    return Finding.passing("The 90 % intervals hold about as much as they say.", figures)


def fresh(dataset: Dataset, settings: Settings, connection: Connection, whole: bool) -> Finding:
    """The forecasts are of the newest figures. Cost: reads two rows."""
    row = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - fitted_at)::double precision FROM forecast.fits "
        "WHERE dataset = %s",
        (dataset.name,),
    ).fetchone()
    late = settings.model_copy(update={"forecast_interval": settings.forecast_interval + GRACE_SECONDS})
    due = [each.reason for each in due_datasets(connection, Catalogue({dataset.name: dataset}), late)]
    if row is None:
        return Finding.passing("No forecasts were made yet.", {})
    hours = round(row[0] / 3600, 2)
    figures = {"hours_since_fit": hours}
    if due and row[0] > GRACE_SECONDS:
        return Finding.warning(
            f"The forecasts were made {hours:,.1f} hours ago, and {due[0]}: see the runs of forecast_job.", figures
        )
    return Finding.passing("The forecasts are of the newest figures, or will be in a moment.", figures)


def _listed(found: Sequence[Accuracy]) -> str:
    names = [f"{each.name} ({each.error:.3f} against {each.naive_error:.3f})" for each in found]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
