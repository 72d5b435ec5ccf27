"""The dates that the data contract accepts: ISO or year first, with an English month name, or all numbers in an order.

Whatever the form, a time of day may follow. Which number of `02/03/2024` is the month is never guessed: a setting says
so, or the file's own values prove it (`date_evidence`).
"""

import re
from datetime import date
from typing import Literal, get_args

from logistics_pipeline.loading.excerpts import excerpt

DateOrder = Literal["dmy", "mdy"]
"""The order of a date's numbers as a setting can give it."""

NumberOrder = Literal["dmy", "mdy", "ymd"]
"""The order of a date's numbers as a file can prove it. Only a year of two digits may come first and be mistaken."""

ORDERS: tuple[NumberOrder, ...] = get_args(NumberOrder)
ORDER_NAMES: dict[NumberOrder, str] = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}

FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2100, 12, 31)

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-](?:[01]\d|2[0-4])(?::?[0-5]\d)?))?"
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d\d\d)"
    r"(?:[T ](?:[01]\d|2[0-3]|24(?=(?::?00){0,2}(?:[.,]0+)?(?:$|[ Z+-])))"
    r"(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:[.,]\d+)?)?)?" + _ZONE + ")?",
    re.ASCII | re.IGNORECASE,
)
_HALF = r" ?[ap]\.?m\.?"
_CLOCK = re.compile(
    r"(?:,? +|T)(?P<hour>\d{1,2})"
    r"(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    + f"(?P<half>{_HALF})?|(?P<only_half>{_HALF}))"
    f"{_ZONE}\\Z",
    re.ASCII | re.IGNORECASE,
)
"""A time of day at the end of a date in any form: `14:30`, `2:30:00 PM`, `2 p.m.`."""

NARROW_SPACES = str.maketrans("\u00a0\u2009\u202f", "   ")
"""Some programs write one of these before AM and PM."""

_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-\s./]*([a-z]{3,9})\.?[-\s./,]*(\d{4}|\d{2})", re.ASCII)
_MONTH_FIRST = re.compile(
    r"([a-z]{3,9})\.?[-\s./]*(\d{1,2})(?:st|nd|rd|th)?(?:\s*,\s*|[-\s./]+)(\d{4}|\d{2})", re.ASCII
)
_YEAR_BEFORE_NAME = re.compile(r"(\d{4})[-\s./]*([a-z]{3,9})\.?[-\s./]*(\d{1,2})", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4}|\d{2})", re.ASCII)

MAX_DATE_CHARACTERS = 64
"""A longer text is no date, whatever stands in it."""


class InvalidDateError(ValueError):
    """The text is not an acceptable date. The message is written to follow the name of the field."""


class UnknownOrderError(InvalidDateError):
    """A date of all numbers is read without an order."""

    def __init__(self, text: str, orders: tuple[NumberOrder, ...]) -> None:
        self.orders = orders
        """The orders in which there is such a day."""
        if len(orders) == 1:
            doubt = f'"{excerpt(text)}" can only be {ORDER_NAMES[orders[0]]}, but of its column this is not known'
        else:
            doubt = f'either number in "{excerpt(text)}" may be the month'
        super().__init__(f"is ambiguous: {doubt}; set LOGISTICS_DATE_ORDER to dmy or mdy")


def parse_date(text: str, order: NumberOrder | None = None) -> date:
    """Parses a date, or the date part of a date-time as written (no time zone is applied).

    Accepts ISO 8601 (`2024-03-05`, `2024-03-05T10:00:00Z`, `2024-03-05 10:00`), the year first (`2024/03/05`), day and
    English month name in either order (`2-Jun-06`, `2 June 2006`, `Jun 2, 2006`; years 69 to 99 are 19xx, 00 to 68 are
    20xx), and with an `order` also `02/03/2024`. Each may be followed by a time of day (`14:30`, `02:30:00 PM`).

    Raises:
        UnknownOrderError: it is a date of all numbers, and there is no `order`.
        InvalidDateError: it is none of these, does not exist, or lies outside 1900-01-01 to 2100-12-31.
    """
    parsed = read_day(text, order)
    if parsed is None:
        raise InvalidDateError(f'must be a date such as 2024-03-05 or 5-Mar-2024, found "{excerpt(text)}"')
    if not FIRST_DATE <= parsed <= LAST_DATE:
        raise InvalidDateError(f"must lie between {FIRST_DATE} and {LAST_DATE}, found {parsed}")
    return parsed


def read_day(text: str, order: NumberOrder | None = None) -> date | None:
    """Returns the date that `parse_date` would, whatever its year; None if the text is no date.

    Raises:
        UnknownOrderError: it is a date of all numbers, and there is no `order`.
    """
    return _parse_iso(text) or _parse_day(without_time(text), text, order)


def without_time(text: str) -> str:
    """Returns a date without the time of day that follows it; nothing if there is no such time."""
    text = text.translate(NARROW_SPACES)
    match = _CLOCK.search(text)
    if match is None:
        return text
    return text[: match.start()] if _is_time(match) else ""


def possible_orders(day: str) -> tuple[NumberOrder, ...]:
    """The orders in which a date of all numbers, without a time, is an acceptable day; none if it is no such date."""
    match = _NUMBERS.fullmatch(day)
    if match is None:
        return ()
    days = {order: _order_numbers(match, order) for order in ORDERS}
    return tuple(order for order, day in days.items() if day is not None and FIRST_DATE <= day <= LAST_DATE)


def _is_time(match: re.Match[str]) -> bool:
    """Whether there is such a time of day: 0:00 to 24:00, or 12:00 AM to 11:59 PM."""
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    if match["half"] or match["only_half"]:
        return 1 <= hour <= 12 and minute <= 59 and second <= 60
    if hour == 24:
        return minute == second == 0 and not int(match["fraction"] or 0)
    return hour <= 23 and minute <= 59 and second <= 60


def _parse_iso(text: str) -> date | None:
    match = _ISO.fullmatch(text)
    try:
        return date.fromisoformat(match["date"].upper()) if match else None
    except ValueError:
        return None


def _parse_day(day: str, text: str, order: NumberOrder | None) -> date | None:
    iso = _parse_iso(day) if len(day) <= len("2024-W10-2") else None  # longer with a time of its own
    return iso or _parse_year_first(day) or _parse_named(day.lower()) or _parse_numbers(day, text, order)


def _parse_year_first(day: str) -> date | None:
    match = _YEAR_FIRST.fullmatch(day)
    return _make(match[1], int(match[3]), int(match[4])) if match else None


def _parse_named(text: str) -> date | None:
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = match.groups()
    elif match := _MONTH_FIRST.fullmatch(text):
        month, day, year = match.groups()
    elif match := _YEAR_BEFORE_NAME.fullmatch(text):
        year, month, day = match.groups()
    else:
        return None
    month_number = _month_number(month)
    return _make(year, month_number, int(day)) if month_number else None


def _month_number(name: str) -> int | None:
    for number, month in enumerate(_MONTHS, start=1):
        if name in (month, month[:3]) or (name == "sept" and number == 9):
            return number
    return None


def _parse_numbers(day: str, text: str, order: NumberOrder | None) -> date | None:
    match = _NUMBERS.fullmatch(day)
    if match is None:
        return None
    if order is not None:
        return _order_numbers(match, order)
    orders = possible_orders(day)
    if not orders:
        return None
    raise UnknownOrderError(text, orders)


def _order_numbers(match: re.Match[str], order: NumberOrder) -> date | None:
    first, second, third = match.groups()
    match order:
        case "dmy":
            return _make(third, int(second), int(first))
        case "mdy":
            return _make(third, int(first), int(second))
        case "ymd":
            return _make(first, int(second), int(third)) if len(first) == len(third) == 2 else None


def _make(year: str, month: int, day: int) -> date | None:
    full_year = int(year)
    if len(year) == 2:
        full_year += 1900 if full_year >= 69 else 2000
    try:
        return date(full_year, month, day)
    except ValueError:
        return None
