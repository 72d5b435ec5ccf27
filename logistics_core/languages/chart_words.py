"""How charts write numbers and dates in a language: what CLDR says of them, by Babel, in the form that Vega takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from logistics_core.languages.translating import ENGLISH, Language

_STRFTIME = {"d": "%-d", "M": "%b", "L": "%b", "y": "%Y"}


@dataclass(frozen=True)
class ChartWords:
    """What a specification is drawn with."""

    locale: Mapping[str, Any]
    """Of Vega's configuration: marks within numbers, names of months and days."""
    wording: Mapping[str, str]
    """The parameter `wording` of the specifications: forms of dates, and letters behind thousands."""


@cache
def chart_words(language: Language) -> ChartWords | None:
    """Those of a language; None for English, which specifications are written in."""
    if language.code == ENGLISH:
        return None
    from babel import Locale

    locale = Locale.parse(language.code)
    symbols = locale.number_symbols["latn"]
    months, days = locale.months["format"], locale.days["format"]
    numbers = {"decimal": symbols["decimal"], "thousands": symbols["group"], "grouping": [3], "currency": ["", ""]}
    times = {
        "dateTime": "%x, %X", "date": _strftime(str(locale.date_formats["short"])), "time": "%H:%M:%S",
        "periods": ["AM", "PM"],  # Vega wants them, and no chart has hours
        "days": _from_sunday(days["wide"]), "shortDays": _from_sunday(days["abbreviated"]),
        "months": list(months["wide"].values()), "shortMonths": list(months["abbreviated"].values()),
    }  # fmt: skip
    wording = {
        "day": _strftime(str(locale.datetime_skeletons["MMMd"])),
        "month": _strftime(str(locale.datetime_skeletons["yMMM"])),
        "thousand": language.say("K"), "million": language.say("M"), "billion": language.say("B"),
    }  # fmt: skip
    return ChartWords({"number": numbers, "time": times}, wording)


def _from_sunday(names: Mapping[int, str]) -> list[str]:
    """CLDR numbers days from Monday, Vega from Sunday."""
    return [names[(number - 1) % 7] for number in range(7)]


def _strftime(pattern: str) -> str:
    """A pattern of CLDR, such as `d. MMM y`, as one of `strftime`."""
    return re.sub(r"([dMLy])\1*", lambda found: _STRFTIME[found[1]], pattern).replace("'", "")
