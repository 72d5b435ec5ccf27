"""Key figures: metrics of any datasets, each with its value, its change and its course."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.database.pool import Database
from logistics_api.errors import refused_parameter
from logistics_api.metrics.documents import span
from logistics_api.metrics.parameters import MetricParameters, Names, question
from logistics_api.parameters.date_range import Day, end_before_start
from logistics_api.querying.answering import Answer, answer, common_version
from logistics_api.querying.metric_query import PERIOD, periods_of
from logistics_api.querying.registry import RollupRegistry
from logistics_api.row_access.permitted import PermittedRows
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.metrics import Metric
from logistics_core.metrics.periods import Comparison, DayRange, Grain

_JSON = msgspec.json.Encoder(decimal_format="number")

MAX_FIGURES = 24
USUAL_DAYS = 30
"""Length of the range where a request gives none: it ends at the newest day with records."""


class KeyFigureParameters(BaseModel):
    """Which key figures, over which range. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    metrics: Names = Field(
        description=f"Metrics with their datasets, separated by commas, at most {MAX_FIGURES}",
        examples=["shipments.revenue,vehicle_logs.distance"],
    )
    start: Day | None = Field(
        None, description=f"First day; if omitted, {USUAL_DAYS} days up to the end, or all records without a day"
    )
    end: Day | None = Field(None, description="Last day, inclusive; if omitted, the newest day with records")
    compare: Comparison = Field(Comparison.PREVIOUS, description="What the range is compared with")
    grain: Grain = Field(Grain.DAY, description="Periods of the course", examples=["day"])


@dataclass(frozen=True)
class _Asked:
    """The metrics of one dataset."""

    names: list[str]
    total: Answer
    course: Answer | None
    """None for a dataset whose records have no day."""


async def key_figures(
    database: Database,
    registry: RollupRegistry,
    catalogue: Catalogue,
    permitted: PermittedRows | None,
    parameters: KeyFigureParameters,
) -> tuple[str, int | None]:
    """The key figures as JSON, and the data version that all of them are of; None if some are of the records.

    Raises:
        Problem: 422, a metric does not exist or the range is invalid; whatever `answer` raises.
    """
    wanted = _by_dataset(parameters, catalogue)
    asked = {
        dataset: await _ask(database, registry, catalogue, permitted, catalogue[dataset], names, parameters)
        for dataset, names in wanted.items()
    }
    figures = [_figure(asked[dataset], catalogue[dataset], name) for dataset, name in _pairs(parameters)]
    answers = [each for found in asked.values() for each in (found.total, found.course) if each is not None]
    version = common_version(each.data_version for each in answers)
    return _JSON.encode({"data_version": version, "figures": figures}).decode(), version


def _pairs(parameters: KeyFigureParameters) -> Iterator[tuple[str, str]]:
    for text in dict.fromkeys(each.strip() for each in parameters.metrics.split(",") if each.strip()):
        dataset, _, name = text.partition(".")
        yield dataset, name


def _by_dataset(parameters: KeyFigureParameters, catalogue: Catalogue) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, (dataset, name) in enumerate(_pairs(parameters)):
        if number >= MAX_FIGURES:
            raise refused_parameter("metrics", f"at most {MAX_FIGURES} metrics", parameters.metrics[:200])
        if dataset not in catalogue or not name:
            known = ", ".join(catalogue)
            raise refused_parameter(
                "metrics", f"metrics such as shipments.revenue, of a dataset: {known}", f"{dataset}.{name}"[:200]
            )
        found.setdefault(dataset, []).append(name)
    if not found:
        raise refused_parameter("metrics", "at least one metric, such as shipments.revenue", parameters.metrics[:200])
    return found


async def _ask(
    database: Database,
    registry: RollupRegistry,
    catalogue: Catalogue,
    permitted: PermittedRows | None,
    dataset: Dataset,
    names: list[str],
    parameters: KeyFigureParameters,
) -> _Asked:
    query = question(MetricParameters(metrics=",".join(names)), dataset, catalogue, permitted)
    if dataset.dating is None:
        return _Asked(names, await answer(database, registry, catalogue, query), None)
    stored = await registry.find(database, dataset, permitted)
    query = replace(query, days=_range(parameters, stored.newest_day), limit=1)
    total = await answer(database, registry, catalogue, replace(query, compare=parameters.compare))
    course = await answer(database, registry, catalogue, replace(query, grain=parameters.grain, limit=10_000))
    return _Asked(names, total, course)


def _range(parameters: KeyFigureParameters, newest: Any) -> DayRange | None:
    end = parameters.end or newest
    if end is None:
        return None if parameters.start is None else DayRange(parameters.start, parameters.start)
    start = parameters.start or end - timedelta(days=USUAL_DAYS - 1)
    if end < start:
        raise end_before_start(start, end)
    return DayRange(start, end)


def _figure(asked: _Asked, dataset: Dataset, name: str) -> dict[str, Any]:
    query = asked.total.query
    metric = next(each for each in query.metrics if each.name == name)
    row: Mapping[str, Any] = next(iter(asked.total.objects), {})
    period = next(iter(periods_of(query)), None)
    return {
        "metric": f"{dataset.name}.{name}",
        "title": metric.title,
        "description": metric.description,
        "unit": metric.unit,
        "better": metric.better,
        "value": row.get(name),
        "previous": row.get(f"{name}_previous"),
        "change": row.get(f"{name}_change"),
        "range": span(query.days),
        "compared": span(None if period is None else period.compared),
        "source": asked.total.plan.source,
        "approximate_within": asked.total.plan.error_of(metric, query),
        "series": list(_series(asked.course, metric)),
    }


def _series(course: Answer | None, metric: Metric) -> Iterator[dict[str, Any]]:
    if course is not None:
        for row in course.objects:
            yield {"period": row[PERIOD], "value": row[metric.name]}
