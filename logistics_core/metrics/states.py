"""What metrics are computed from: states that add up, and the distinct values of a field with their numbers.

A state of a whole follows from those of its parts, so a pre-aggregate holds states, and a metric is computed from them
at the end. Distinct counts and quantiles do not add up: they are computed from values with how often each occurs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from psycopg import sql

from logistics_core.catalogue.metrics import Aggregate, Condition, Metric
from logistics_core.metrics.conditions import ColumnOf, all_of, as_literal


class StateKind(StrEnum):
    """The states that add up."""

    ROWS = "rows"
    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"


_MERGED = {
    StateKind.ROWS: "coalesce(sum({}), 0)::bigint",
    StateKind.COUNT: "coalesce(sum({}), 0)::bigint",
    StateKind.SUM: "sum({})",
    StateKind.MIN: "min({})",
    StateKind.MAX: "max({})",
}


@dataclass(frozen=True)
class State:
    """A state of a group of records."""

    kind: StateKind
    field: str | None
    conditions: tuple[Condition, ...] = ()

    @property
    def column(self) -> str:
        """The name of its column: no field has such a name, because of the parentheses."""
        return _column(f"{self.kind}({self.field or ''})", self.conditions)

    def of_rows(self, column: ColumnOf) -> sql.Composable:
        """The aggregate over records."""
        argument = sql.SQL("*") if self.field is None else column(self.field)
        kind = StateKind.COUNT if self.kind is StateKind.ROWS else self.kind
        aggregate = sql.SQL(kind.value + "({})").format(argument)
        if not self.conditions:
            return aggregate
        return sql.SQL("{} FILTER (WHERE {})").format(aggregate, all_of(self.conditions, column, as_literal))

    def of_states(self, column: sql.Composable) -> sql.Composable:
        """The aggregate over states of parts, which `column` holds."""
        return sql.SQL(_MERGED[self.kind]).format(column)


@dataclass(frozen=True)
class Values:
    """The distinct values of a field in a group of records, each with the number of records that have it."""

    field: str
    conditions: tuple[Condition, ...] = ()

    @property
    def column(self) -> str:
        """A name for it, like that of a state."""
        return _column(f"values({self.field})", self.conditions)


StateColumn = Callable[[State | Metric], sql.Composable]
"""Gives the column of a state, or of a distinct count or quantile."""


def _column(name: str, conditions: tuple[Condition, ...]) -> str:
    if not conditions:
        return name
    digest = blake2b(repr(conditions).encode(), digest_size=4).hexdigest()
    return f"{name} {digest}"


def states_of(metric: Metric, metrics: Sequence[Metric]) -> list[State]:
    """The states that a metric is computed from. Those of a distinct count or a quantile are in `values_of`."""
    field, conditions = metric.field, metric.conditions
    match metric.aggregate:
        case Aggregate.ROWS:
            return [State(StateKind.ROWS, None, conditions)]
        case Aggregate.AVG:
            return [State(StateKind.SUM, field, conditions), State(StateKind.COUNT, field, conditions)]
        case Aggregate.COUNT | Aggregate.SUM | Aggregate.MIN | Aggregate.MAX:
            return [State(StateKind(metric.aggregate.value), field, conditions)]
        case Aggregate.RATIO | Aggregate.DIFFERENCE:
            return [state for part in _parts(metric, metrics) for state in states_of(part, metrics)]
        case _:
            return []


def values_of(metric: Metric, metrics: Sequence[Metric]) -> list[Metric]:
    """The distinct counts and quantiles that a metric is, or combines."""
    if metric.aggregate in (Aggregate.DISTINCT, Aggregate.QUANTILE):
        return [metric]
    if metric.of is None:
        return []
    return [found for part in _parts(metric, metrics) for found in values_of(part, metrics)]


def values_read_by(metric: Metric) -> Values:
    """What a distinct count or a quantile is computed from."""
    assert metric.field is not None
    return Values(metric.field, metric.conditions)


def all_states(wanted: Iterable[Metric], metrics: Sequence[Metric]) -> list[State]:
    """The states that several metrics are computed from, each once. The number of records is always among them."""
    found = [State(StateKind.ROWS, None), *(state for metric in wanted for state in states_of(metric, metrics))]
    return list(dict.fromkeys(found))


def all_values(wanted: Iterable[Metric], metrics: Sequence[Metric]) -> list[Metric]:
    """The distinct counts and quantiles that several metrics are or combine, each once."""
    return list(dict.fromkeys(found for metric in wanted for found in values_of(metric, metrics)))


def value_expression(
    metric: Metric, metrics: Sequence[Metric], column: StateColumn, *, is_inner: bool = False
) -> sql.Composable:
    """The metric as SQL, from the columns of its states.

    `column` gives the column of a state, or that of a distinct count or quantile. PostgreSQL divides to at least 16
    significant digits. `is_inner`: part of another metric, whose digits are kept as they are.
    """
    match metric.aggregate:
        case Aggregate.AVG:
            total, count = (column(state) for state in states_of(metric, metrics))
            found: sql.Composable = sql.SQL("({} / nullif({}, 0))").format(total, count)
        case Aggregate.RATIO:
            first, second = _inner(metric, metrics, column)
            found = sql.SQL("({}::numeric / nullif({}, 0))").format(first, second)
        case Aggregate.DIFFERENCE:
            first, second = _inner(metric, metrics, column)
            return sql.SQL("({} - {})").format(first, second)
        case Aggregate.DISTINCT | Aggregate.QUANTILE:
            return column(metric)
        case _:
            (state,) = states_of(metric, metrics)
            return column(state)
    return found if is_inner else sql.SQL("trim_scale({})").format(found)


def _inner(metric: Metric, metrics: Sequence[Metric], column: StateColumn) -> list[sql.Composable]:
    return [value_expression(part, metrics, column, is_inner=True) for part in _parts(metric, metrics)]


def _parts(metric: Metric, metrics: Sequence[Metric]) -> list[Metric]:
    by_name = {each.name: each for each in metrics}
    return [by_name[name] for name in metric.of or ()]
