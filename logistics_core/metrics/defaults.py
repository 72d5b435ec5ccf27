"""The metrics of a dataset: those of its contract, or sensible ones made from its fields."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from logistics_core.catalogue import Dataset, Field, FieldType, Role
from logistics_core.catalogue.metrics import Aggregate, Condition, Metric, Operator, is_additive
from logistics_core.catalogue.model import NUMERIC_TYPES

MAX_MEASURES = 30
"""Fields for which metrics are made where the contract declares none."""

_RATE_WORDS = frozenset({
    "rate", "ratio", "price", "percent", "percentage", "pct", "share", "avg", "average", "mean", "median",
    "temperature", "temp", "speed", "score", "index", "efficiency", "consumption", "humidity", "pressure", "level",
    "duration", "time", "age", "rating", "factor", "density", "max", "min", "limit", "capacity", "discount",
    "preis", "prozent", "durchschnitt", "mittelwert", "temperatur", "steuersatz", "zinssatz", "rabatt", "quote",
    "odometer", "odo", "hubodometer", "tacho", "stand", "kilometerstand", "kmstand", "tachostand", "zaehlerstand",
    "fuellstand", "tankstand",
})  # fmt: skip
"""Words in the name of a number whose sum means nothing, or less than its mean: also of what a counter shows."""
_PRICE_ENDING = "preis"
_TOTAL_WORDS = ("total", "gesamt", "summe", "sum")
"""What the name of a price begins with, or a word of it, if it is an amount that adds up."""

_RATE_UNITS = frozenset({"%", "Cel", "[degF]", "K", "bar", "kPa", "hPa", "Hz", "V", "A", "kW", "W"})
_TIMES = frozenset({"h", "min", "s", "ms", "d"})
"""Units of lengths of time: their mean is asked for more often than their sum."""


def metrics_of(dataset: Dataset) -> tuple[Metric, ...]:
    """The metrics that a dataset has: those that its contract declares or, if it declares none, the usual ones."""
    return usual_metrics(dataset) if dataset.declared_metrics is None else dataset.declared_metrics


def find_metric(dataset: Dataset, name: str) -> Metric | None:
    """The metric of that name, if there is one."""
    return next((each for each in metrics_of(dataset) if each.name == name), None)


def is_part_of_whole(dataset: Dataset, metric: Metric) -> bool:
    """Whether values of parts add up to that of the whole."""
    return is_additive(metric, metrics_of(dataset))


@lru_cache(maxsize=1024)
def usual_metrics(dataset: Dataset) -> tuple[Metric, ...]:
    """The number of records, sums and means of measures, means of rates, shares of what is true or false."""
    records = dataset.title[:1].upper() + dataset.title[1:]
    found = [Metric(_free_name("records", (), dataset), records, f"Number of {dataset.title.lower()}", Aggregate.ROWS)]
    measures = [each for each in dataset.fields if each.role is Role.MEASURE and each.type in NUMERIC_TYPES]
    for field in measures[:MAX_MEASURES]:
        found += _of_measure(field, found, dataset)
    booleans = [each for each in dataset.fields if each.type is FieldType.BOOLEAN]
    for field in booleans[:MAX_MEASURES]:
        found += _of_boolean(field, found, dataset)
    return tuple(found)


def _of_measure(field: Field, taken: Sequence[Metric], dataset: Dataset) -> Iterator[Metric]:
    what, unit = field.title, field.unit  # as written: Betrag and MwSt keep their capitals
    mean = Metric(
        _free_name(f"avg_{field.name}", taken, dataset),
        f"Average {what}",
        f"Mean of {what} over the records that have it",
        Aggregate.AVG,
        field.name,
        unit=unit,
    )
    if is_rate(field):
        yield mean
        for aggregate, word in ((Aggregate.MIN, "Lowest"), (Aggregate.MAX, "Highest")):
            name = _free_name(f"{aggregate}_{field.name}", taken, dataset)
            yield Metric(name, f"{word} {what}", f"{word} {what}", aggregate, field.name, unit=unit)
    else:
        name = _free_name(f"sum_{field.name}", taken, dataset)
        yield Metric(name, f"Total {what}", f"Sum of {what}", Aggregate.SUM, field.name, unit=unit)
        yield mean


def _of_boolean(field: Field, taken: Sequence[Metric], dataset: Dataset) -> Iterator[Metric]:
    what = field.title
    true = Metric(
        _free_name(f"count_{field.name}", taken, dataset),
        f"Records with {what}",
        f"Number of records for which {what} is true",
        Aggregate.COUNT,
        field.name,
        conditions=(Condition(field.name, Operator.EQ, True),),
    )
    given = Metric(
        _free_name(f"known_{field.name}", taken, dataset),
        f"Records that say {what}",
        f"Number of records for which {what} is true or false",
        Aggregate.COUNT,
        field.name,
    )
    yield true
    yield given
    yield Metric(
        _free_name(f"ratio_{field.name}", taken, dataset),
        f"Share with {what}",
        f"Share of the records for which {what} is true, of those that say so",
        Aggregate.RATIO,
        of=(true.name, given.name),
    )


def is_rate(field: Field) -> bool:
    """Whether the sum of a number means little: prices per unit, percentages, temperatures, lengths of time."""
    unit = field.unit or ""
    if "/" in unit or unit in _RATE_UNITS | _TIMES:
        return True
    words = set(re.findall(r"[a-z]+", field.name))
    prices = {each for each in words if each == "price" or each.endswith(_PRICE_ENDING)}
    if prices and any(each.startswith(_TOTAL_WORDS) for each in words):
        words -= prices
    return bool(words & (_RATE_WORDS | prices))


def _free_name(name: str, taken: Sequence[Metric], dataset: Dataset) -> str:
    """A name of at most 40 characters that neither a field nor another metric has."""
    names = {each.name for each in taken} | set(dataset.columns)
    cut, number = name[:40], 2
    while cut in names:
        cut, number = f"{name[: 39 - len(str(number))]}_{number}", number + 1
    return cut
