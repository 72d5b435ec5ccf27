"""Decides from which tables a question is answered: pre-aggregates if they hold what is asked for, otherwise records.

An answer comes from one kind of source. Pre-aggregates are as of the last refresh, records are as of now: figures of
both in one answer would contradict each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from logistics_api.querying.metric_query import MetricQuery, paths_in, periods_of
from logistics_core.catalogue import FieldType
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics.conditions import fields_in
from logistics_core.metrics.defaults import metrics_of
from logistics_core.metrics.periods import DayRange, Grain, period_of
from logistics_core.metrics.rollups import ROUNDED_ERROR, SKETCHED_ERROR, Precision, StoredRollup
from logistics_core.metrics.states import all_values, values_of, values_read_by


class Source(StrEnum):
    """Where an answer comes from."""

    ROLLUP = "rollup"
    """A pre-aggregate, as of the last refresh."""
    ROWS = "rows"
    """The records, as they are now."""


@dataclass(frozen=True)
class Plan:
    """From which tables a question is answered."""

    source: Source
    states: StoredRollup | None
    """The pre-aggregate of states; None if the answer comes from records."""
    values: dict[Metric, StoredRollup]
    """The pre-aggregate for each distinct count and quantile."""

    def error_of(self, metric: Metric, query: MetricQuery) -> float | None:
        """How far an approximate value may be off, as a share of it; None if it is exact.

        Of a quantile that is the most; of a distinct count the standard error.
        """
        errors = [
            _ERRORS[self.values[each].rollup.precision]
            for each in values_of(metric, metrics_of(query.dataset))
            if each in self.values
        ]
        return max((error for error in errors if error), default=None)


_ERRORS = {Precision.EXACT: 0.0, Precision.ROUNDED: ROUNDED_ERROR, Precision.SKETCHED: SKETCHED_ERROR}


def plan(query: MetricQuery, stored: Sequence[StoredRollup], records: DayRange | None = None) -> Plan:
    """Chooses the smallest pre-aggregates that hold what is asked for; the records if there are none.

    `records` are the first and the last day with records, if they are known.
    """
    rows = Plan(Source.ROWS, None, {})
    if query.as_of is not None or query.points is not None:
        return rows  # pre-aggregates are of what is known now
    needed = _needed_fields(query)
    if needed is None:
        return rows
    states = _smallest_of_states(needed, stored)
    if states is None:
        return rows
    values, units = {}, _fitting_units(query, records)
    stored = [each for each in stored if each.rollup.unit in units]
    for metric in all_values(query.metrics, metrics_of(query.dataset)):
        found = _smallest_of_values(metric, query, needed, stored)
        if found is None:
            return rows
        values[metric] = found
    return Plan(Source.ROLLUP, states, values)


def _needed_fields(query: MetricQuery) -> frozenset[str] | None:
    """The fields that a pre-aggregate must group by; None if none can, as those of other datasets."""
    paths = _paths_needed(query)
    if any("." in path for path in paths):
        return None
    day = day_field(query)
    if query.days is not None and query.dataset.dating is None:
        return None
    return frozenset(path for path in paths if path != day)


def _paths_needed(query: MetricQuery) -> frozenset[str]:
    """What is grouped and filtered by, also because the caller may see some rows only."""
    return paths_in(query) | fields_in(query.permission)


def _fitting_units(query: MetricQuery, records: DayRange | None) -> frozenset[Grain]:
    """The periods that the question consists of: pre-aggregates by longer ones than days answer no others."""
    day = day_field(query)
    if day is not None and day in _paths_needed(query):
        return frozenset({Grain.DAY})
    ranges = [] if query.days is None else [query.days]
    if query.compare is not None:
        ranges += [period.compared for period in periods_of(query) if period.compared is not None]
    return frozenset(
        unit
        for unit in Grain
        if query.grain in (None, *_CONSIST_OF[unit]) and all(_consists_of(days, unit, records) for days in ranges)
    )


_CONSIST_OF: Mapping[Grain, tuple[Grain, ...]] = {
    Grain.DAY: tuple(Grain),
    Grain.WEEK: (Grain.WEEK,),
    Grain.MONTH: (Grain.MONTH, Grain.QUARTER, Grain.YEAR),
    Grain.QUARTER: (Grain.QUARTER, Grain.YEAR),
    Grain.YEAR: (Grain.YEAR,),
}
"""The periods that consist of whole periods of each kind."""


def _consists_of(days: DayRange, unit: Grain, records: DayRange | None) -> bool:
    """Whether the records of a range are those of whole periods: it may end within one that has no others."""
    begins = period_of(days.start, unit).start == days.start or (records is not None and days.start <= records.start)
    ends = period_of(days.end, unit).end == days.end or (records is not None and days.end >= records.end)
    return begins and ends


def day_field(query: MetricQuery) -> str | None:
    """The field that is the same as the day of a record, which every pre-aggregate has; None if there is none."""
    dating = query.dataset.dating
    if dating is None or not dating.is_own or query.dataset.field(dating.field).type is not FieldType.DATE:
        return None
    return dating.field


def _smallest_of_values(
    metric: Metric, query: MetricQuery, needed: frozenset[str], stored: Sequence[StoredRollup]
) -> StoredRollup | None:
    """The exact one if there is one, otherwise the approximate one for this purpose, if the question allows it."""
    approximate = Precision.SKETCHED if metric.aggregate is Aggregate.DISTINCT else Precision.ROUNDED
    for precision in (Precision.EXACT,) if query.exact else (Precision.EXACT, approximate):
        found = _smallest(
            each
            for each in stored
            if each.rollup.values == values_read_by(metric)
            and each.rollup.precision is precision
            and each.rollup.covers(needed)
        )
        if found is not None:
            return found
        if precision is Precision.EXACT and metric.aggregate is Aggregate.DISTINCT and not metric.conditions:
            assert metric.field is not None
            found = _smallest_of_states(needed | {metric.field}, stored)
            if found is not None:
                return found
    return None


def _smallest_of_states(needed: frozenset[str], stored: Sequence[StoredRollup]) -> StoredRollup | None:
    """The smallest pre-aggregate of states that groups by some fields: their values are those there are."""
    return _smallest(each for each in stored if each.rollup.values is None and each.rollup.covers(needed))


def _smallest(rollups: Iterable[StoredRollup]) -> StoredRollup | None:
    return min(rollups, key=lambda each: each.rows, default=None)
