"""Units: what turns a value of one into a value of another, `value * factor + offset`."""

import re
from fractions import Fraction
from typing import NamedTuple

from logistics_core.catalogue.contract_shapes import listed, suggestion


class _Unit(NamedTuple):
    quantity: str
    factor: Fraction
    offset: Fraction = Fraction(0)


def _unit(quantity: str, factor: str | int | Fraction, offset: str | int | Fraction = 0) -> _Unit:
    return _Unit(quantity, Fraction(factor), Fraction(offset))


_MILE, _POUND, _GALLON = "1609.344", "0.45359237", "3.785411784"
UNITS = {
    "mm": _unit("length", "0.001"), "cm": _unit("length", "0.01"), "m": _unit("length", 1),
    "km": _unit("length", 1000), "ft": _unit("length", "0.3048"), "yd": _unit("length", "0.9144"),
    "mi": _unit("length", _MILE), "nmi": _unit("length", 1852),
    "g": _unit("mass", "0.001"), "kg": _unit("mass", 1), "t": _unit("mass", 1000), "lb": _unit("mass", _POUND),
    "oz": _unit("mass", "0.028349523125"), "ton_us": _unit("mass", "907.18474"),
    "ml": _unit("volume", "0.001"), "l": _unit("volume", 1), "m3": _unit("volume", 1000),
    "gal": _unit("volume", _GALLON), "gal_uk": _unit("volume", "4.54609"),
    "ms": _unit("time", "0.001"), "s": _unit("time", 1), "min": _unit("time", 60), "h": _unit("time", 3600),
    "d": _unit("time", 86400),
    "m/s": _unit("speed", 1), "km/h": _unit("speed", Fraction(5, 18)),
    "mph": _unit("speed", Fraction(_MILE) / 3600), "kn": _unit("speed", Fraction(1852, 3600)),
    "K": _unit("temperature", 1), "C": _unit("temperature", 1, "273.15"),
    "F": _unit("temperature", Fraction(5, 9), Fraction("459.67") * 5 / 9),
    "Wh": _unit("energy", 1), "kWh": _unit("energy", 1000), "MWh": _unit("energy", 10**6),
    "cent": _unit("money", "0.01"), "unit": _unit("money", 1),
    "percent": _unit("share", "0.01"), "share": _unit("share", 1),
}  # fmt: skip
"""The unit of each quantity that has the factor 1 is the one that the others are given in."""


def conversion(text: str) -> tuple[Fraction, Fraction]:
    """Factor and offset of a conversion such as `m to km`.

    Raises:
        ValueError: it names no units, or units of different quantities.
    """
    found = re.fullmatch(r"\s*(\S+)\s+to\s+(\S+)\s*", text)
    if found is None:
        raise ValueError(f"is {text!r}. Expected: two units with `to` between them, such as m to km.")
    given, wanted = _known(found[1]), _known(found[2])
    if given.quantity != wanted.quantity:
        raise ValueError(
            f"is {text!r}, but {found[1]} is a unit of {given.quantity} and {found[2]} one of {wanted.quantity}."
        )
    return given.factor / wanted.factor, (given.offset - wanted.offset) / wanted.factor


def _known(name: str) -> _Unit:
    if name not in UNITS:
        raise ValueError(f"names {name!r}, which is no unit. There are: {listed(UNITS)}.{suggestion(name, UNITS)}")
    return UNITS[name]
