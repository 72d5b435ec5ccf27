"""What can be asked about the metrics of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from logistics_api.row_access.permitted import PermittedRows
from logistics_core.catalogue import Dataset
from logistics_core.catalogue.metrics import Metric
from logistics_core.metrics.conditions import EVERYTHING, Filter, fields_in
from logistics_core.metrics.paths import FieldPath, read_path, relations_of
from logistics_core.metrics.periods import Comparison, DayRange, Grain, part_before, periods_within
from logistics_core.metrics.periods import compared_with as range_compared_with

MAX_METRICS = 20
MAX_DIMENSIONS = 6
MAX_ROWS = 10_000
PERIOD = "period"
"""The column with the first day of a period."""


class Show(StrEnum):
    """What an answer shows beside the values."""

    RUNNING = "running"
    """The value over the periods so far, since the beginning of the range."""
    SHARE = "share"
    """The share of the total, in percent: with a grain, of that of the period."""
    AVERAGE = "average"
    """The mean over the last periods; of an average or a ratio, its value over these periods together."""


@dataclass(frozen=True)
class Order:
    """What rows are sorted by: `period`, a dimension, or a column of a metric."""

    column: str
    is_descending: bool


@dataclass(frozen=True)
class Period:
    """A period of an answer, and the one that it is compared with."""

    days: DayRange
    compared: DayRange | None


@dataclass(frozen=True)
class Point:
    """A place in the order of files, as of which values are asked for."""

    label: date | int
    """What the answer calls it."""
    file_id: int
    """The last file that counts."""
    compared: int | None = None
    """The last file that counts in what it is compared with, if anything is."""


FILE = "file_id"
"""The column with the file as of which a value is."""


@dataclass(frozen=True)
class MetricQuery:
    """A question. Everything in it exists and fits together: `metrics.reading` checks what a request says."""

    dataset: Dataset
    metrics: tuple[Metric, ...]
    by: tuple[FieldPath, ...] = ()
    grain: Grain | None = None
    days: DayRange | None = None
    """The range; None for all records. Of a dataset with days, those without one never count."""
    filter: Filter = EVERYTHING
    compare: Comparison | None = None
    show: frozenset[Show] = frozenset()
    periods_in_average: int = 7
    order: tuple[Order, ...] = ()
    limit: int = 1_000
    exact: bool = False
    """Whether approximations are refused, even where the exact answer takes long."""
    as_of: int | None = None
    """The number of the last file that counts; None if all do: what is known now."""
    points: tuple[Point, ...] | None = None
    """Values as of each of these files, instead of by the days of records; in the order of their files."""
    permitted: PermittedRows | None = None
    """The rows that count because the caller may see them; None: all."""
    newest_day: date | None = None
    """The newest day with records that is not in the future: the period that it lies in may be unfinished."""

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """The columns that rows are grouped by beside the period."""
        return tuple(path.name for path in self.by)

    @property
    def axis(self) -> list[str]:
        """The column of the axis of the answer: periods, or files; empty if it has none."""
        if self.grain is not None:
            return [PERIOD]
        return [FILE] if self.points is not None and len(self.points) > 1 else []

    @property
    def permission(self) -> Filter:
        """Which records of the dataset count because the caller may see them."""
        return EVERYTHING if self.permitted is None else self.permitted.filter(self.dataset)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the answer in their order."""
        found = [*self.axis, *self.dimension_names]
        for metric in self.metrics:
            found += columns_of(metric, self)
        return tuple(found)


def paths_in(query: MetricQuery) -> frozenset[str]:
    """The fields that a question groups or filters by, by their paths."""
    return fields_in(query.filter) | frozenset(query.dimension_names)


def datasets_read(query: MetricQuery, catalogue: Mapping[str, Dataset]) -> list[Dataset]:
    """The datasets whose records the answer depends on."""
    found = [query.dataset, *([query.dataset.dated_through] if query.dataset.dated_through is not None else [])]
    for path in sorted(paths_in(query)):
        dataset = query.dataset
        for step in read_path(path, dataset, catalogue).relations:
            dataset = catalogue[relations_of(dataset)[step].dataset]
            found.append(dataset)
    return list({each.name: each for each in found}.values())


def total_of(query: MetricQuery) -> MetricQuery:
    """The question for the metrics over all groups and periods."""
    return replace(query, by=(), grain=None, show=frozenset(), order=(), limit=1)


def columns_of(metric: Metric, query: MetricQuery) -> list[str]:
    """The columns that a metric has in an answer."""
    found = [metric.name]
    if query.compare is not None:
        found += [f"{metric.name}_previous", f"{metric.name}_change"]
    return found + [f"{metric.name}_{show}" for show in Show if show in query.show]


def periods_of(query: MetricQuery) -> Sequence[Period]:
    """The periods of the answer: those of the grain within the range, or the range as one; with what each is compared.

    The one that the newest day lies in may be unfinished: it is compared with the same part of the other period.
    """
    if query.days is None:
        return ()
    until = query.days.end
    if query.newest_day is not None and query.days.start <= query.newest_day < until:
        until = query.newest_day
    if query.grain is None:
        days = DayRange(query.days.start, until)
        return (Period(query.days, None if query.compare is None else range_compared_with(days, query.compare)),)
    found = []
    for whole in periods_within(query.days, query.grain):
        days = whole.clipped_to(query.days)
        elapsed = days.clipped_to(DayRange(days.start, until)) if days.start <= until else days
        found.append(Period(days, _compared(elapsed, query.grain, query.compare)))
    return found


def _compared(days: DayRange, grain: Grain, comparison: Comparison | None) -> DayRange | None:
    if comparison is None:
        return None
    if comparison is Comparison.PREVIOUS:
        return part_before(days, grain)
    return range_compared_with(days, comparison)
