"""Reads the keys `metrics` and `rollups` of a contract."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec

from logistics_core.catalogue.contract_shapes import NAME, described, known_field, suggestion
from logistics_core.catalogue.metrics import COMBINING, Aggregate, Condition, Metric, Operator, Value
from logistics_core.catalogue.model import NESTED_TYPES, NUMERIC_TYPES, TEMPORAL_TYPES, Field, FieldType
from logistics_core.durations import interval_text

MAX_METRICS = 100
MAX_CONDITIONS = 10
"""Of one metric."""
MAX_VALUES = 100
"""Of one condition."""
MAX_ROLLUPS = 8
MAX_ROLLUP_DIMENSIONS = 8

_SUFFIXES = ("_previous", "_change", "_running", "_share", "_average")
"""What follows a metric's name in answers that compare or accumulate it."""


class ConditionKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A condition in a contract: `{field: status, operator: eq, value: delivered}`."""

    field: str
    operator: Operator = Operator.EQ
    value: Any = None


class MetricKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A metric in a contract."""

    name: str
    title: str = ""
    description: str = ""
    aggregate: Aggregate
    field: str | None = None
    of: list[str] | None = None
    quantile: float | None = None
    filter: list[ConditionKeys] = []
    unit: str | None = None
    better: Literal["up", "down", "neither"] = "neither"


def read_metrics(declared: Sequence[MetricKeys], fields: Mapping[str, Field]) -> tuple[Metric, ...]:
    """The metrics of a contract.

    Raises:
        ValueError: one of them cannot be computed; the message begins with its key.
    """
    if len(declared) > MAX_METRICS:
        raise ValueError(f"metrics: a dataset has at most {MAX_METRICS} metrics, not {len(declared)}.")
    names: dict[str, int] = {}
    for number, each in enumerate(declared):
        _check_name(each.name, f"metrics[{number}].name", fields)
        if each.name in names:
            raise ValueError(
                f"metrics[{number}].name is {each.name!r}, as is that of metrics[{names[each.name]}]. Rename one."
            )
        names[each.name] = number
    _check_suffixes(names)
    metrics = tuple(_metric(each, f"metrics[{number}]", fields) for number, each in enumerate(declared))
    _check_combined(metrics)
    return metrics


def read_rollups(declared: Sequence[Sequence[str]], fields: Mapping[str, Field]) -> tuple[tuple[str, ...], ...]:
    """The dimensions of each pre-aggregate that a contract asks for.

    Raises:
        ValueError: one of them cannot be made; the message begins with its key.
    """
    if len(declared) > MAX_ROLLUPS:
        raise ValueError(f"rollups: a dataset has at most {MAX_ROLLUPS}, not {len(declared)}.")
    for number, dimensions in enumerate(declared):
        where = f"rollups[{number}]"
        if len(dimensions) > MAX_ROLLUP_DIMENSIONS:
            raise ValueError(f"{where} has at most {MAX_ROLLUP_DIMENSIONS} dimensions, not {len(dimensions)}.")
        for name in dimensions:
            field = known_field(name, fields, where)
            if field.type in NESTED_TYPES:
                raise ValueError(f"{where} names {name}, whose type is {field.type}: a dimension is a single value.")
            if dimensions.count(name) > 1:
                raise ValueError(f"{where} names {name} twice.")
    return tuple(tuple(dimensions) for dimensions in declared)


def _check_name(name: str, where: str, fields: Mapping[str, Field]) -> None:
    if not NAME.fullmatch(name) or name == "period":
        raise ValueError(
            f"{where} is {name!r}. It must begin with a letter, hold only a-z, 0-9 and _, have at most 40 characters, "
            "and not be `period`."
        )
    if name in fields:
        raise ValueError(
            f"{where} is {name!r}, which is the name of a field. Choose another name, such as sum_{name[:36]}."
        )


def _check_suffixes(names: Mapping[str, int]) -> None:
    for name, number in names.items():
        for suffix in _SUFFIXES:
            if name.removesuffix(suffix) in names and name.endswith(suffix):
                raise ValueError(
                    f"metrics[{number}].name is {name!r}: answers call a column so that belongs to the metric "
                    f"{name.removesuffix(suffix)}. Choose another name."
                )


def _metric(keys: MetricKeys, where: str, fields: Mapping[str, Field]) -> Metric:
    title = keys.title or keys.name.replace("_", " ").capitalize()
    if (keys.of is not None) != (keys.aggregate in COMBINING):
        needs = "names two metrics in `of`" if keys.aggregate in COMBINING else "has no `of`"
        raise ValueError(f"{where}: a metric with the aggregate {keys.aggregate} {needs}.")
    if (keys.quantile is not None) != (keys.aggregate is Aggregate.QUANTILE):
        raise ValueError(
            f"{where}: `quantile`, a share such as 0.5, belongs to the aggregate quantile and to no other."
        )
    if keys.quantile is not None and not 0 < keys.quantile < 1:
        raise ValueError(f"{where}.quantile must be a share between 0 and 1, such as 0.5, not {keys.quantile}.")
    if keys.filter and keys.aggregate in COMBINING:
        raise ValueError(f"{where}: the two metrics that it combines have filters, not {keys.name} itself.")
    if len(keys.filter) > MAX_CONDITIONS:
        raise ValueError(f"{where}.filter has at most {MAX_CONDITIONS} conditions, not {len(keys.filter)}.")
    return Metric(
        name=keys.name,
        title=title,
        description=keys.description or title,
        aggregate=keys.aggregate,
        field=_aggregated_field(keys, where, fields),
        of=_pair(keys, where),
        quantile=None if keys.quantile is None else Decimal(str(keys.quantile)),
        conditions=tuple(
            read_condition(each.field, each.operator, each.value, f"{where}.filter[{number}]", fields)
            for number, each in enumerate(keys.filter)
        ),
        unit=keys.unit,
        better=keys.better,
    )


_TAKES: Mapping[Aggregate, frozenset[FieldType]] = {
    Aggregate.SUM: NUMERIC_TYPES,
    Aggregate.AVG: NUMERIC_TYPES,
    Aggregate.QUANTILE: NUMERIC_TYPES,
    Aggregate.MIN: NUMERIC_TYPES | TEMPORAL_TYPES | {FieldType.YEAR},
    Aggregate.MAX: NUMERIC_TYPES | TEMPORAL_TYPES | {FieldType.YEAR},
    Aggregate.DISTINCT: frozenset(FieldType) - NESTED_TYPES,
}
"""The types of fields that an aggregate takes, where not all do."""


def _aggregated_field(keys: MetricKeys, where: str, fields: Mapping[str, Field]) -> str | None:
    if keys.aggregate is Aggregate.ROWS or keys.aggregate in COMBINING:
        if keys.field is not None:
            raise ValueError(f"{where}: a metric with the aggregate {keys.aggregate} has no `field`.")
        return None
    if keys.field is None:
        raise ValueError(f"{where}: a metric with the aggregate {keys.aggregate} names a `field`.")
    field = known_field(keys.field, fields, f"{where}.field")
    takes = _TAKES.get(keys.aggregate)
    if takes is not None and field.type not in takes:
        raise ValueError(
            f"{where}.field names {field.name}, whose type is {field.type}. The aggregate {keys.aggregate} takes "
            f"{', '.join(sorted(takes))}."
        )
    return field.name


def _pair(keys: MetricKeys, where: str) -> tuple[str, str] | None:
    if keys.of is None:
        return None
    if len(keys.of) != 2:
        raise ValueError(f"{where}.of must name two metrics, such as [revenue, distance], not {len(keys.of)}.")
    return keys.of[0], keys.of[1]


def _check_combined(metrics: Sequence[Metric]) -> None:
    """Every metric that another combines must be there, and none may lead back to itself."""
    numbers = {metric.name: number for number, metric in enumerate(metrics)}
    for number, metric in enumerate(metrics):
        for name in metric.of or ():
            if name not in numbers:
                meant = suggestion(name, numbers)
                raise ValueError(f"metrics[{number}].of names {name!r}, which is no metric of this contract.{meant}")
            if not _is_number(metrics[numbers[name]]):
                raise ValueError(f"metrics[{number}].of names {name!r}, which may be no number.")
    for number in range(len(metrics)):
        _check_no_circle(number, metrics, numbers)


def _is_number(metric: Metric) -> bool:
    """Whether two such metrics can be divided: the first of some dates cannot."""
    return metric.aggregate not in (Aggregate.MIN, Aggregate.MAX)


def _check_no_circle(start: int, metrics: Sequence[Metric], numbers: Mapping[str, int]) -> None:
    seen, waiting = set(), [start]
    while waiting:
        for name in metrics[waiting.pop()].of or ():
            if numbers[name] == start:
                raise ValueError(f"metrics[{start}].of leads back to {metrics[start].name} itself.")
            if name not in seen:
                seen.add(name)
                waiting.append(numbers[name])


# -- conditions --------------------------------------------------------------------------------------------------------


_ORDERED = frozenset({Operator.LT, Operator.LTE, Operator.GT, Operator.GTE})
_UNORDERED_TYPES = NESTED_TYPES | {FieldType.BOOLEAN}


def read_condition(name: str, operator: Operator, value: Any, where: str, fields: Mapping[str, Field]) -> Condition:
    """A condition on a field, with its value as that type.

    Raises:
        ValueError: there is no such field, or the value is not of its type; the message begins with `where`.
    """
    field = known_field(name, fields, where)
    if operator is Operator.IS_NULL:
        if not isinstance(value, bool):
            raise ValueError(f"{where}: isNull takes true or false, not {described(value)}.")
        return Condition(name, operator, value)
    if field.type in NESTED_TYPES:
        raise ValueError(f"{where}: {name} is {field.type}, which can only be asked with isNull.")
    if operator in _ORDERED and field.type in _UNORDERED_TYPES:
        raise ValueError(f"{where}: {operator} needs values in an order; {name} is {field.type}.")
    if operator is Operator.STARTS_WITH and field.type is not FieldType.STRING:
        raise ValueError(f"{where}: startsWith takes a text; {name} is {field.type}.")
    if operator is Operator.IN:
        if not isinstance(value, list | tuple) or not 0 < len(value) <= MAX_VALUES:
            raise ValueError(f"{where}: in takes a list of 1 to {MAX_VALUES} values, not {described(value)}.")
        return Condition(name, operator, tuple(_value_or_none(each, field, where) for each in value))
    if operator in (Operator.EQ, Operator.NE):
        return Condition(name, operator, _value_or_none(value, field, where))
    return Condition(name, operator, read_value(value, field, where))


def _value_or_none(value: Any, field: Field, where: str) -> Value | None:
    return None if value is None else read_value(value, field, where)


def read_value(value: Any, field: Field, where: str) -> Value:
    """A value of a field's type, from JSON or YAML.

    Raises:
        ValueError: it is of another type; the message begins with `where`.
    """
    try:
        found: Value = _READERS.get(field.type, _text)(value)
        if field.type is FieldType.DATETIME and isinstance(found, datetime):
            _check_zone(found, field)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise ValueError(
            f"{where}: {field.name} takes {_FORMS.get(field.type, 'a text')}, not {described(value)}."
        ) from None
    return found


def _check_zone(moment: datetime, field: Field) -> None:
    if (moment.tzinfo is not None) != field.has_time_zone:
        raise ValueError


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError
    value.encode()  # PostgreSQL takes no half of a surrogate pair
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError
    number = Decimal(str(value))
    if not number.is_finite() or abs(number.adjusted()) > 1000:
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _date(value: Any) -> date:
    return value if type(value) is date else date.fromisoformat(value)


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _time(value: Any) -> time:
    found = time.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError
    return found


def _duration(value: Any) -> str:
    """As a text that PostgreSQL reads: one that it does not would fail every statement with the filter."""
    if not isinstance(value, str):
        raise TypeError
    return interval_text(value)


def _year(value: Any) -> int:
    number = _number(value)
    if number != int(number) or not -9999 <= number <= 9999:
        raise ValueError
    return int(number)


_READERS: Mapping[FieldType, Callable[[Any], Value]] = {
    FieldType.INTEGER: _number,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _moment,
    FieldType.TIME: _time,
    FieldType.DURATION: _duration,
    FieldType.YEAR: _year,
}
_FORMS: Mapping[FieldType, str] = {
    FieldType.INTEGER: "a number",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATE: "a date such as 2024-01-31",
    FieldType.DATETIME: "a time such as 2024-01-31T14:30:00, with an offset such as +02:00 where the field has one",
    FieldType.TIME: "a time of day such as 14:30:00",
    FieldType.DURATION: "a duration such as PT25H10M or 25:10:00",
    FieldType.YEAR: "a year such as 2024",
}
