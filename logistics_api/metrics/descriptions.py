"""Describes the metrics and dimensions of datasets."""

from collections.abc import Iterator
from typing import Any

from logistics_api.metrics.schemas import DatasetMetrics, Dimension, MetricDescription, RecordDays
from logistics_api.querying.metric_query import PERIOD, MetricQuery, columns_of
from logistics_api.querying.planner import Plan
from logistics_api.querying.registry import StoredDataset
from logistics_api.row_access.permitted import PermittedRows
from logistics_core.catalogue import Catalogue, Dataset, Role
from logistics_core.catalogue.metrics import Metric
from logistics_core.catalogue.model import NESTED_TYPES, master_key_field
from logistics_core.metrics.defaults import is_part_of_whole, metrics_of
from logistics_core.metrics.paths import relations_of

MAX_DEPTH = 2
"""References that the listed dimensions follow; longer paths can be asked for."""


def describe_metrics(
    dataset: Dataset, catalogue: Catalogue, stored: StoredDataset, permitted: PermittedRows | None = None
) -> DatasetMetrics:
    """The metrics of a dataset, and the fields of it and of the records it refers to that they can be grouped by.

    `permitted`: the rows that the reader may see; fields of datasets without any are left out.
    """
    dimensions = dimensions_of(dataset, catalogue)
    if permitted is not None:
        dimensions = [each for each in dimensions if permitted.includes(catalogue[each.dataset])]
    return DatasetMetrics(
        dataset=dataset.name,
        title=dataset.title,
        description=dataset.description,
        has_days=dataset.has_periods,
        time_zone=_time_zone(dataset),
        snapshots=dataset.snapshots,
        days=_days(stored),
        metrics=[_metric(metric, dataset) for metric in metrics_of(dataset)],
        dimensions=dimensions,
    )


def dimensions_of(dataset: Dataset, catalogue: Catalogue) -> list[Dimension]:
    """The fields of a dataset, and of the records it refers to, that metrics can be grouped and filtered by."""
    return list(_dimensions(dataset, catalogue, "", MAX_DEPTH))


def _time_zone(dataset: Dataset) -> str | None:
    dating = dataset.dating
    if dataset.history is not None and dataset.snapshots is not None:
        return dataset.history.time_zone
    if dating is None or not dating.is_own or not dataset.field(dating.field).has_time_zone:
        return None
    return dating.time_zone


def _days(stored: StoredDataset) -> RecordDays | None:
    if stored.first_day is None or stored.last_day is None:
        return None
    return RecordDays(first=stored.first_day, last=stored.last_day, newest=stored.newest_day)


def _metric(metric: Metric, dataset: Dataset) -> MetricDescription:
    return MetricDescription(
        name=metric.name,
        title=metric.title,
        description=metric.description,
        aggregate=metric.aggregate,
        field=metric.field,
        of=None if metric.of is None else list(metric.of),
        unit=metric.unit,
        better=metric.better,
        adds_up=is_part_of_whole(dataset, metric),
    )


def _dimensions(dataset: Dataset, catalogue: Catalogue, prefix: str, depth: int) -> Iterator[Dimension]:
    for field in dataset.fields:
        if field.type not in NESTED_TYPES and field.role is not Role.TEXT:
            yield Dimension(
                path=f"{prefix}{field.name}",
                title=field.title,
                type=field.type,
                dataset=dataset.name,
                role=field.role,
            )
    for external in dataset.external_ids:
        key = master_key_field(external)
        yield Dimension(path=f"{prefix}{key.name}", title=key.title, type=key.type, dataset=dataset.name, role=key.role)
    if depth:
        for name, reference in relations_of(dataset).items():
            yield from _dimensions(catalogue[reference.dataset], catalogue, f"{prefix}{name}.", depth - 1)


KINDS_OF_COLUMNS = {
    "_previous": ("previous", "{} before"),
    "_change": ("change", "{}, change"),
    "_running": ("running", "{}, running"),
    "_share": ("share", "{}, share"),
    "_average": ("average", "{}, average"),
}


def describe_columns(query: MetricQuery, plan: Plan) -> list[dict[str, Any]]:
    """The columns of an answer, as `AnswerColumn` has them."""
    found: list[dict[str, Any]] = []
    if query.grain is not None:
        found.append({"name": PERIOD, "title": query.grain.capitalize(), "kind": "period", "metric": None})
    for path in query.by:
        found.append({"name": path.name, "title": path.field.title, "kind": "dimension", "metric": None})
    for metric in query.metrics:
        error = plan.error_of(metric, query)
        for name in columns_of(metric, query):
            kind, title = KINDS_OF_COLUMNS.get(name.removeprefix(metric.name), ("value", "{}"))
            found.append(
                {
                    "name": name,
                    "title": title.format(metric.title),
                    "kind": kind,
                    "metric": metric.name,
                    "unit": "%" if kind in ("change", "share") else metric.unit,
                    "better": metric.better,
                    "approximate_within": error,
                }
            )
    return found
