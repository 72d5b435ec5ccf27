"""Query parameters of questions about metrics, and the questions that they make."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.as_of.parameter import DESCRIPTION, AsOfText
from logistics_api.as_of.resolving import AsOf, resolve
from logistics_api.database.pool import Database
from logistics_api.errors import refused_parameter
from logistics_api.parameters.date_range import Day, end_before_start
from logistics_api.parameters.types import DIGITS, Flag
from logistics_api.querying.metric_query import (
    MAX_DIMENSIONS,
    MAX_METRICS,
    MAX_ROWS,
    MetricQuery,
    Order,
    Show,
    datasets_read,
)
from logistics_api.row_access.permitted import PermittedRows, refuse_as_of
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_shapes import nearest_match
from logistics_core.catalogue.metrics import Metric
from logistics_core.catalogue.model import NESTED_TYPES, Snapshots
from logistics_core.metrics.conditions import EVERYTHING, Filter, conditions_on, read_filter
from logistics_core.metrics.defaults import find_metric, is_part_of_whole, metrics_of
from logistics_core.metrics.paths import FieldPath, read_path
from logistics_core.metrics.periods import Comparison, DayRange, Grain
from logistics_core.metrics.states import values_of

MAX_FILTER = 2_000
"""Characters."""

T = TypeVar("T")
Names = Annotated[str, Field(max_length=2_000, pattern="^[a-zA-Z0-9_., -]*$")]


class MetricParameters(BaseModel):
    """A question about the metrics of a dataset. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    metrics: Names | None = Field(
        None,
        description=f"Metrics separated by commas, at most {MAX_METRICS}; if omitted, the first {MAX_METRICS}, with "
        "`show` of those that it can be shown of",
        examples=["revenue,total_weight"],
    )
    by: Names | None = Field(
        None,
        description=f"Fields to group by, separated by commas, at most {MAX_DIMENSIONS}; those of records referred to "
        "by path, such as `log.vehicle.name`. Where a field holds ids of another system, the name of the thing, such "
        "as `vehicle`, is its master key: of ids without a link, the system and the id itself",
        examples=["origin"],
    )
    grain: Grain | None = Field(None, description="Also group by period; weeks begin on Monday", examples=["month"])
    start: Day | None = Field(None, description="First day; if omitted, the first day with records")
    end: Day | None = Field(None, description="Last day, inclusive; if omitted, the last day with records")
    filter: Annotated[str, Field(max_length=MAX_FILTER)] | None = Field(
        None,
        description="Records that count, as JSON: fields with `eq`, `ne`, `in`, `lt`, `lte`, `gt`, `gte`, `isNull`, "
        "`startsWith`, or a value for short; `and`, `or` and `not` join filters",
        examples=['{"origin":{"in":["Aachen","Zug"]},"cost":{"gte":100}}'],
    )
    compare: Comparison | None = Field(
        None,
        examples=["previous"],
        description="What to compare with: the `previous` period, the same days a `year` before, or the same "
        "`weekdays` 364 days before. An unfinished period is compared with the same part of the other one",
    )
    show: Names | None = Field(
        None,
        description="Further columns, separated by commas: `running` totals, `share` of the total in percent, "
        "`average` over the last `periods`",
        examples=["share"],
    )
    periods: Annotated[int, Field(ge=2, le=366), DIGITS] = Field(
        7, description="How many periods `average` covers", examples=[7]
    )
    order: Names | None = Field(
        None,
        description="Columns to sort by, separated by commas; `-` reverses; what has no value comes last. If omitted, "
        "by period, or by the first metric with the highest first",
        examples=["-revenue"],
    )
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS), DIGITS] = Field(
        1_000, description="Maximum number of rows", examples=[1000]
    )
    exact: Flag = Field(
        False, description="Refuses approximations: distinct counts and quantiles are computed from the records"
    )
    as_of: AsOfText | None = Field(None, description=DESCRIPTION)
    total: Flag = Field(False, description="Adds the metrics over all groups and periods")
    format: Literal["json", "csv", "ndjson", "parquet"] = Field("json", description="Format of the answer")


def question(
    parameters: MetricParameters, dataset: Dataset, catalogue: Catalogue, permitted: PermittedRows | None
) -> MetricQuery:
    """The question that the parameters ask, about the rows that are permitted.

    Raises:
        Problem: 422, naming what does not exist, does not fit together, or is too much.
    """
    read = _Reader(parameters, dataset, catalogue)
    query = MetricQuery(
        dataset=dataset,
        metrics=read.metrics(),
        by=read.dimensions(),
        grain=parameters.grain,
        days=read.days(),
        filter=read.filter(),
        compare=parameters.compare,
        show=read.shown(),
        periods_in_average=parameters.periods,
        limit=parameters.limit,
        exact=parameters.exact,
        permitted=permitted,
    )
    return read.checked(query)


async def question_as_of(
    database: Database, query: MetricQuery, parameters: MetricParameters, catalogue: Catalogue
) -> tuple[MetricQuery, AsOf | None]:
    """The question about what was known earlier, if the parameters ask for that, and the last file that counts.

    Raises:
        Problem: 422, that is not known any more; 403, only some rows are permitted; whatever `resolve` raises.
    """
    refuse_as_of(query.permitted, parameters.as_of)
    if parameters.as_of is None:
        return query, None
    found = await resolve(database, parameters.as_of, datasets_read(query, catalogue))
    return replace(query, as_of=found.file_id), found


class _Reader:
    def __init__(self, parameters: MetricParameters, dataset: Dataset, catalogue: Catalogue) -> None:
        self._given, self._dataset, self._catalogue = parameters, dataset, catalogue
        self._without_day = f"records of {dataset.name} have no day"

    def metrics(self) -> tuple[Metric, ...]:
        if self._given.metrics is None:
            shown = self.shown()
            return tuple(each for each in metrics_of(self._dataset) if can_show(each, shown, self._dataset))[
                :MAX_METRICS
            ]
        names = _split(self._given.metrics)
        if not names:
            raise refused_parameter("metrics", "at least one metric", self._given.metrics)
        if len(names) > MAX_METRICS:
            raise refused_parameter("metrics", f"at most {MAX_METRICS} metrics", self._given.metrics)
        return tuple(self._metric(name) for name in names)

    def _metric(self, name: str) -> Metric:
        found = find_metric(self._dataset, name)
        if found is None:
            known = [each.name for each in metrics_of(self._dataset)]
            nearest = nearest_match(name, known)
            meant = f" ({nearest}?)" if nearest else ""
            raise refused_parameter("metrics", f"metrics of {self._dataset.name}{meant}: {', '.join(known)}", name)
        return found

    def dimensions(self) -> tuple[FieldPath, ...]:
        names = _split(self._given.by)
        if len(names) > MAX_DIMENSIONS:
            raise refused_parameter("by", f"at most {MAX_DIMENSIONS} fields", self._given.by)
        found = tuple(_checked("by", name, partial(self._path, name)) for name in names)
        for path in found:
            if path.field.type in NESTED_TYPES:
                raise refused_parameter("by", f"fields with single values; {path.name} is {path.field.type}", path.name)
        return found

    def _path(self, name: str) -> FieldPath:
        return read_path(name, self._dataset, self._catalogue)

    def filter(self) -> Filter:
        text = self._given.filter
        if text is None:
            return EVERYTHING
        read = conditions_on(lambda path: self._path(path).field)
        return _checked("filter", text, lambda: read_filter(_from_json(text), read))

    def shown(self) -> frozenset[Show]:
        names = _split(self._given.show)
        unknown = [name for name in names if name not in {each.value for each in Show}]
        if unknown:
            raise refused_parameter("show", f"of {', '.join(Show)}", unknown[0])
        return frozenset(map(Show, names))

    def days(self) -> DayRange | None:
        """The range; its open ends are those of the calendar, until the answer knows the days with records."""
        start, end = self._given.start, self._given.end
        if start is None and end is None:
            return None
        if not self._dataset.has_periods:
            raise refused_parameter(
                "start", f"no range: records of {self._dataset.name} have no day", str(start or end)
            )
        days = DayRange(start or date.min, end or date.max)
        if days.days < 1:
            raise end_before_start(days.start, days.end)
        return days

    def checked(self, query: MetricQuery) -> MetricQuery:
        self._check_grain(query)
        _check_shown(query)
        return _with_order(query, _split(self._given.order))

    def _check_grain(self, query: MetricQuery) -> None:
        if query.grain is not None and not self._dataset.has_periods:
            raise refused_parameter("grain", f"none: {self._without_day}", query.grain.value)
        if query.grain in (Grain.DAY, Grain.WEEK) and self._dataset.snapshots is Snapshots.MONTHLY:
            expected = f"month, quarter or year: {self._dataset.name} has monthly snapshots"
            raise refused_parameter("grain", expected, query.grain)
        if query.compare is not None and not self._dataset.has_periods:
            raise refused_parameter("compare", f"none: {self._without_day}", query.compare.value)


def _check_shown(query: MetricQuery) -> None:
    if query.grain is None and query.show & {Show.RUNNING, Show.AVERAGE}:
        raise refused_parameter("show", "running and average only together with grain", ",".join(sorted(query.show)))
    for metric in query.metrics:
        if not can_show(metric, query.show, query.dataset):
            expected = (
                f"no {', '.join(sorted(query.show))} of {metric.name}: values of parts do not add up to the whole"
            )
            raise refused_parameter("show", expected, metric.name)


def can_show(metric: Metric, shown: frozenset[Show], dataset: Dataset) -> bool:
    """Whether the values of a metric can be accumulated, or shared out, as asked for."""
    if not shown:
        return True
    if Show.RUNNING in shown and dataset.snapshots is not None:
        return False  # states of a stock do not add up over time
    if Show.SHARE in shown and not is_part_of_whole(dataset, metric):
        return False
    return not values_of(metric, metrics_of(dataset))


def _with_order(query: MetricQuery, terms: list[str]) -> MetricQuery:
    order = tuple(Order(term.removeprefix("-"), term.startswith("-")) for term in terms)
    for each in order:
        if each.column not in query.columns:
            raise refused_parameter("order", f"columns of the answer: {', '.join(query.columns)}", each.column)
    return replace(query, order=order)


def _split(text: str | None) -> list[str]:
    """Names separated by commas, each once."""
    return list(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'filter must be JSON, such as {{"origin":"Aachen"}}: {error}') from None


def _checked(parameter: str, found: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise refused_parameter(parameter, str(error), found) from None
