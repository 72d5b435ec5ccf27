"""The unit of a measure, where the title of its column or the values themselves name one."""

import re

from logistics_core.catalogue.model import NUMERIC_TYPES
from logistics_pipeline.inference.column_types import Reading
from logistics_pipeline.inference.names import words_of

_IN_TITLE = re.compile(r"[(\[]\s*([^()\[\]]{1,12}?)\s*[)\]]\s*$|,\s*([^\s,]{1,8})\s*$")
_SYMBOLS = {
    "kg": "kg", "g": "g", "t": "t", "lb": "[lb_av]", "lbs": "[lb_av]", "km": "km", "m": "m", "cm": "cm", "mm": "mm",
    "mi": "[mi_i]", "miles": "[mi_i]", "ft": "[ft_i]", "l": "L", "liter": "L", "litre": "L", "liters": "L",
    "litres": "L", "ml": "mL", "m3": "m3", "m³": "m3", "m2": "m2", "m²": "m2", "h": "h", "hours": "h", "hrs": "h",
    "min": "min", "mins": "min", "minutes": "min", "s": "s", "sec": "s", "seconds": "s", "ms": "ms", "days": "d",
    "kwh": "kW.h", "mwh": "MW.h", "wh": "W.h", "kw": "kW", "w": "W", "v": "V", "a": "A", "%": "%", "percent": "%",
    "pct": "%", "km/h": "km/h", "kmh": "km/h", "mph": "[mi_i]/h", "°c": "Cel", "celsius": "Cel", "°f": "[degF]",
    "bar": "bar", "kpa": "kPa", "hpa": "hPa", "hz": "Hz", "eur": "currency", "usd": "currency", "gbp": "currency",
    "chf": "currency", "€": "currency", "$": "currency", "£": "currency", "euro": "currency",
}  # fmt: skip
_PER = frozenset({"per", "pro", "je"})
_LETTERS_IN_NAMES = 2
"""Fewer letters at the end of a name need not be a unit, as in group_a."""


def unit_of(title: str, reading: Reading) -> str | None:
    """Returns the symbol of UCUM, or `currency`; None if nothing names a unit."""
    if reading.type not in NUMERIC_TYPES:
        return None
    if reading.currency is not None:
        return "currency"
    if reading.is_percent:
        return "%"
    match = _IN_TITLE.search(title)
    if match is not None:
        return _SYMBOLS.get((match[1] or match[2]).casefold())
    words = words_of(title)
    if "/" in title or not _PER.isdisjoint(words):
        return None  # of a litre is no litre: a price, a rate
    last = words[-1] if len(words) > 1 else ""
    return _SYMBOLS.get(last) if len(last) >= _LETTERS_IN_NAMES else None
