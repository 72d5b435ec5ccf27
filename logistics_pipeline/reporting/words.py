"""Values of answers as people read them, as the dashboard words them: sentences, which each language tells."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from logistics_core.languages.sentences import Sentence, joined
from logistics_core.metrics.periods import DayRange

NOTHING = "–"
_UNITS = {"1": "", "currency": "", "%": "", "Cel": "°C", "[degF]": "°F"}
_SMALL = 0.01
_PER = "currency/"


def value_words(value: Any, column: Mapping[str, Any]) -> str:
    """A value with its unit: `12,345.60 per km`."""
    if value is None:
        return NOTHING
    unit = column.get("unit")
    words = (
        number_words(value, unit) if isinstance(value, int | Decimal) and not isinstance(value, bool) else str(value)
    )
    behind = unit_words(unit)
    shown = Sentence("{value} {unit}", value=words, unit=behind) if behind else words
    return shown if column.get("approximate_within") is None else Sentence("≈ {value}", value=shown)


def number_words(value: int | Decimal, unit: str | None = None) -> str:
    """A number: money with two decimals, shares with one, others with as many as say something."""
    if unit == "%":
        return Sentence("{share:decimal} %", share=f"{value:.1f}")
    if unit is not None and unit.startswith("currency"):
        return _decimal(f"{value:.2f}")
    if value == int(value):
        return Sentence("{number}", number=int(value))
    return _decimal(f"{value:.2f}" if abs(float(value)) >= _SMALL else f"{value:.3g}")


def _decimal(digits: str) -> str:
    """A number as it is rounded; one beside 0 stays as computers write it: 1.2e-9."""
    return digits if "e" in digits else Sentence("{number:decimal}", number=digits)


def unit_words(unit: str | None) -> str:
    """What stands behind a number; nothing for counts, money and shares."""
    if not unit:
        return ""
    if unit in _UNITS:
        return _UNITS[unit]
    return Sentence("per {unit}", unit=unit.removeprefix(_PER)) if unit.startswith(_PER) else unit


def group_words(row: Mapping[str, Any], by: list[str], separator: str = " · ") -> str:
    """The group that a row is about."""
    return joined((_field_words(row[name]) for name in by), separator)


def _field_words(value: Any) -> str:
    if value is None:
        return Sentence("(no value)")
    if value == "":
        return Sentence("(empty)")
    return number_words(value) if isinstance(value, Decimal) else str(value)


def column_words(column: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]) -> Sentence:
    """The title of a column: that of its metric, in what the API says of it, such as `{metric} before`."""
    title = str(column["title"])
    metric = metrics.get(column.get("metric") or "", {}).get("title")
    if not metric or metric not in title:
        return Sentence(title)
    return Sentence(title.replace(metric, "{metric}", 1), metric=Sentence(metric))


def range_words(days: DayRange | None) -> str:
    """`3 Jun 2024`, `3 Jun 2024 to 9 Jun 2024`, or `All days`."""
    if days is None:
        return Sentence("All days")
    if days.start == days.end:
        return _day_words(days.start)
    return Sentence("{start} to {end}", start=_day_words(days.start), end=_day_words(days.end))


def _day_words(day: date) -> str:
    return Sentence("{day:date}", day=day.isoformat())
