"""Patterns of strptime, as Table Schema's `format` gives them: `%d/%m/%Y %H:%M` to what such a text says.

Python's own strptime reads the names of months by the machine's language, takes blanks for one another and `2024111`
for a day; here names are English, every character counts, and numbers that touch have all their digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MAX_PATTERN_CHARACTERS = 64
FIRST_YEAR_OF_1900S = 69
"""Years of two digits from here on are of the 1900s, as POSIX says."""


def _names(names: tuple[str, ...], length: int | None) -> str:
    return "|".join(name[:length] for name in names)


_NUMBERS = {"Y": (4, 4), "y": (2, 2), "m": (1, 2), "d": (1, 2), "H": (1, 2), "I": (1, 2), "M": (1, 2), "S": (1, 2)}
"""The fewest and most digits of each directive that is a number of a fixed place."""
_OTHERS = {
    "f": "[0-9]{1,9}",
    "B": _names(MONTHS, None),
    "b": _names(MONTHS, 3),
    "A": _names(WEEKDAYS, None),
    "a": _names(WEEKDAYS, 3),
    "p": "am|pm",
    "z": "z|utc|gmt|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?",
}
DIRECTIVES = (*_NUMBERS, *_OTHERS)

_PART = re.compile(r"%(.?)|([^%]+)", re.DOTALL)
_SAME = (("b", "B", "m"), ("a", "A"), ("y", "Y"), ("H", "I"))
"""Directives of which a pattern has at most one."""


class PatternError(ValueError):
    """The text is no pattern that can be used; the message is written to follow the name of the pattern."""


class TimeParts(NamedTuple):
    """What a text says; None for what its pattern does not have."""

    year: int | None
    month: int | None
    day: int | None
    hour: int | None
    minute: int | None
    second: int | None
    fraction: str
    """Digits after the second."""
    zone: str | None
    """`Z`, or an offset."""
    weekday: int | None
    """0 is Monday."""


@dataclass(frozen=True)
class TimePattern:
    """A pattern, ready to read texts."""

    text: str
    directives: frozenset[str]
    expression: re.Pattern[str]

    @property
    def has_date(self) -> bool:
        """Whether it has a year, a month and a day."""
        return self.has_month and "d" in self.directives

    @property
    def has_month(self) -> bool:
        """Whether it has a year and a month."""
        return bool(self.directives & {"Y", "y"}) and bool(self.directives & {"m", "b", "B"})

    @property
    def has_hour(self) -> bool:
        """Whether it has an hour of the day that is certain."""
        return "H" in self.directives or {"I", "p"} <= self.directives

    @property
    def is_digits(self) -> bool:
        """Whether its texts have nothing but digits: JSON may write them as numbers."""
        return re.fullmatch("(?:%[YmdHMS])+", self.text) is not None

    def read(self, text: str) -> TimeParts | None:
        """What a trimmed text says, without looking whether there is such a day or time; None if it is not of it."""
        match = self.expression.fullmatch(text)
        return None if match is None else _parts(match.groupdict())


def _parts(found: dict[str, str | None]) -> TimeParts:
    def number(name: str) -> int | None:
        text = found.get(name)
        return None if text is None else int(text)

    def name(directives: str, names: tuple[str, ...]) -> int | None:
        text = next((found[each] for each in directives if found.get(each)), None)
        return None if text is None else next(i for i, each in enumerate(names) if each[:3] == text[:3].lower())

    year = number("Y")
    if year is None and (short := number("y")) is not None:
        year = short + (1900 if short >= FIRST_YEAR_OF_1900S else 2000)
    month = number("m")
    if month is None and (index := name("bB", MONTHS)) is not None:
        month = index + 1
    return TimeParts(
        year=year,
        month=month,
        day=number("d"),
        hour=_hour(number("H"), number("I"), found.get("p")),
        minute=number("M"),
        second=number("S"),
        fraction=found.get("f") or "",
        zone=found.get("z"),
        weekday=name("aA", WEEKDAYS),
    )


def _hour(hour: int | None, half_hour: int | None, half: str | None) -> int | None:
    """The hour of the day. There is no 0 or 13 o'clock of half a day: 99 stands for it."""
    if half_hour is None:
        return hour
    if not 1 <= half_hour <= 12:
        return 99
    return half_hour % 12 + (12 if half is not None and half.lower() == "pm" else 0)


@cache
def time_pattern(text: str) -> TimePattern:
    """Makes a pattern of its text.

    Raises:
        PatternError: it is none, or would not tell what a text says.
    """
    if not text or len(text) > MAX_PATTERN_CHARACTERS or text != text.strip() or not text.isprintable():
        raise PatternError(f"must have 1 to {MAX_PATTERN_CHARACTERS} characters, none of them a blank at either end")
    parts = list(_split(text))
    directives = [each for is_directive, each in parts if is_directive]
    for group in (*_SAME, *((each,) for each in DIRECTIVES)):
        if sum(each in group for each in directives) > 1:
            raise PatternError(f"says twice what {' or '.join(f'%{each}' for each in group)} says")
    if "f" in directives and "S" not in directives:
        raise PatternError("has a fraction, %f, of no second: add %S")
    if "p" in directives and "I" not in directives:
        raise PatternError("has %p, which needs the hour as %I")
    expression = "".join(_expression(parts))
    return TimePattern(text, frozenset(directives), re.compile(expression, re.ASCII | re.IGNORECASE))


def _split(text: str) -> Iterator[tuple[bool, str]]:
    """Yields the directives of a pattern, and the texts between them."""
    for match in _PART.finditer(text):
        directive, other = match.groups()
        if other is not None:
            yield False, other
        elif directive == "%":
            yield False, "%"
        elif directive in DIRECTIVES:
            yield True, directive
        else:
            known = ", ".join(f"%{each}" for each in DIRECTIVES)
            raise PatternError(f"has %{directive}, which is not known. There are {known}, and %% for the character %")


def _expression(parts: list[tuple[bool, str]]) -> Iterator[str]:
    for index, (is_directive, each) in enumerate(parts):
        if not is_directive:
            yield re.escape(each)
        elif each in _NUMBERS:
            fewest, most = _NUMBERS[each]
            neighbours = parts[max(index - 1, 0) : index] + parts[index + 1 : index + 2]
            touches = any(is_other and other in (*_NUMBERS, "f") for is_other, other in neighbours)
            yield f"(?P<{each}>[0-9]{{{most if touches else fewest},{most}}})"
        else:
            yield f"(?P<{each}>{_OTHERS[each]})"


def date_order_of(pattern: str) -> str:
    """The order of day, month and year in a pattern: `dmy` for `%d.%m.%Y %H:%M`."""
    letters = {"d": "d", "m": "m", "b": "m", "B": "m", "y": "y", "Y": "y"}
    return "".join(letters.get(match[1], "") for match in re.finditer("%(.)", pattern))
