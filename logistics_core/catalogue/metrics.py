"""Metrics as a contract declares them: named figures over the records of a dataset. Plain data, immutable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

Value = str | bool | int | Decimal | date | datetime | time
"""A value that a field is compared with, of the field's type."""


class Aggregate(StrEnum):
    """How a metric comes from the records."""

    ROWS = "rows"
    """The number of records."""
    COUNT = "count"
    """The number of records with a value in a field."""
    SUM = "sum"
    AVG = "avg"
    """The mean of the values there are."""
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"
    """The number of distinct values."""
    QUANTILE = "quantile"
    """The smallest value that at least a share of the values do not exceed."""
    RATIO = "ratio"
    """One metric divided by another."""
    DIFFERENCE = "difference"
    """One metric less another."""


COMBINING = frozenset({Aggregate.RATIO, Aggregate.DIFFERENCE})
"""Those that combine two other metrics. The others aggregate a field or, as `rows`, records."""

ADDITIVE = frozenset({Aggregate.ROWS, Aggregate.COUNT, Aggregate.SUM})
"""Those whose value of a whole is the sum of those of its parts."""


class Operator(StrEnum):
    """How a condition compares a field with a value."""

    EQ = "eq"
    NE = "ne"
    """Another value, or none."""
    IN = "in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IS_NULL = "isNull"
    STARTS_WITH = "startsWith"


@dataclass(frozen=True)
class Condition:
    """What must hold of a record for it to count."""

    field: str
    operator: Operator
    value: Value | tuple[Value | None, ...] | None
    """A tuple with `in`, whether there is none with `isNull`. `eq` and `ne` compare with None as well."""


@dataclass(frozen=True)
class Metric:
    """One figure. A metric over no values, and one divided by 0, is null; `rows`, `count` and `distinct` are 0."""

    name: str
    title: str
    description: str
    aggregate: Aggregate
    field: str | None = None
    """What is aggregated; None for `rows` and for metrics that combine others."""
    of: tuple[str, str] | None = None
    """The names of the two metrics that this one combines."""
    quantile: Decimal | None = None
    """The share of a `quantile`: 0.5 for the median."""
    conditions: tuple[Condition, ...] = ()
    """The records that count: those for which all of these hold."""
    unit: str | None = None
    better: str = "neither"
    """Which direction is good: `up`, `down` or `neither`."""


def is_additive(metric: Metric, metrics: Sequence[Metric]) -> bool:
    """Whether values of parts add up to that of the whole: those of counts and sums, and differences of them."""
    if metric.of is None or metric.aggregate is Aggregate.RATIO:
        return metric.aggregate in ADDITIVE
    by_name = {each.name: each for each in metrics}
    return all(is_additive(by_name[name], metrics) for name in metric.of)
