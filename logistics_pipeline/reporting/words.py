"""Values of answers as people read them, as the dashboard words them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from logistics_core.metrics.periods import DayRange

NOTHING = "–"
_UNITS = {"1": "", "currency": "", "%": "", "Cel": "°C", "[degF]": "°F"}
_SMALL = 0.01


def value_words(value: Any, column: Mapping[str, Any]) -> str:
    """A value with its unit: `12,345.60 per km`."""
    if value is None:
        return NOTHING
    unit = column.get("unit")
    words = (
        number_words(value, unit) if isinstance(value, int | Decimal) and not isinstance(value, bool) else str(value)
    )
    behind = unit_words(unit)
    shown = f"{words} {behind}" if behind else words
    return shown if column.get("approximate_within") is None else f"≈ {shown}"


def number_words(value: int | Decimal, unit: str | None = None) -> str:
    """A number: money with two decimals, shares with one, others with as many as say something."""
    if unit == "%":
        return f"{value:,.1f} %"
    if unit is not None and unit.startswith("currency"):
        return f"{value:,.2f}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(float(value)) >= _SMALL else f"{value:.3g}"


def unit_words(unit: str | None) -> str:
    """What stands behind a number; nothing for counts, money and shares."""
    if not unit:
        return ""
    return _UNITS[unit] if unit in _UNITS else unit.replace("currency/", "per ", 1)


def group_words(row: Mapping[str, Any], by: list[str], separator: str = " · ") -> str:
    """The group that a row is about."""
    return separator.join(_field_words(row[name]) for name in by)


def _field_words(value: Any) -> str:
    if value is None:
        return "(no value)"
    if value == "":
        return "(empty)"
    return number_words(value) if isinstance(value, Decimal) else str(value)


def day_words(day: date) -> str:
    """`3 Jun 2024`."""
    return f"{day.day} {day:%b %Y}"


def range_words(days: DayRange | None) -> str:
    """`3 Jun 2024`, `3 Jun 2024 to 9 Jun 2024`, or `All days`."""
    if days is None:
        return "All days"
    return day_words(days.start) if days.start == days.end else f"{day_words(days.start)} to {day_words(days.end)}"
