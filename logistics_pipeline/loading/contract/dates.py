"""The dates that the data contract accepts: ISO, with an English month name, or all numbers in a configured order."""

import re
from datetime import date
from typing import Literal

from logistics_pipeline.loading.excerpts import excerpt

DateOrder = Literal["dmy", "mdy"]

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
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d\d\d)"
    r"(?:[T ](?:[01]\d|2[0-4])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:[.,]\d+)?)?)?"
    r"(?: ?(?:Z|UTC|[+-](?:[01]\d|2[0-4])(?::?[0-5]\d)?))?)?",
    re.ASCII | re.IGNORECASE,
)
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-\s./]*([a-z]{3,9})\.?[-\s./,]*(\d{4}|\d{2})", re.ASCII)
_MONTH_FIRST = re.compile(
    r"([a-z]{3,9})\.?[-\s./]*(\d{1,2})(?:st|nd|rd|th)?(?:\s*,\s*|[-\s./]+)(\d{4}|\d{2})", re.ASCII
)
_NUMBERS = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4}|\d{2})", re.ASCII)


class InvalidDateError(ValueError):
    """The text is not an acceptable date. The message is written to follow the name of the field."""


def parse_date(text: str, order: DateOrder | None = None) -> date:
    """Parses a date, or the date part of a date-time as written (no time zone is applied).

    Accepts ISO 8601 (`2024-03-05`, `2024-03-05T10:00:00Z`, `2024-03-05 10:00`), day and English month name in either
    order (`2-Jun-06`, `2 June 2006`, `Jun 2, 2006`; years 69 to 99 are 19xx, 00 to 68 are 20xx), and with an `order`
    also `02/03/2024`.

    Raises:
        InvalidDateError: it is none of these, does not exist, or lies outside 1900-01-01 to 2100-12-31.
    """
    parsed = _parse_iso(text) or _parse_named(text.lower()) or _parse_numbers(text, order)
    if parsed is None:
        raise InvalidDateError(f'must be a date such as 2024-03-05 or 5-Mar-2024, found "{excerpt(text)}"')
    if not FIRST_DATE <= parsed <= LAST_DATE:
        raise InvalidDateError(f"must lie between {FIRST_DATE} and {LAST_DATE}, found {parsed}")
    return parsed


def _parse_iso(text: str) -> date | None:
    match = _ISO.fullmatch(text)
    try:
        return date.fromisoformat(match["date"].upper()) if match else None
    except ValueError:
        return None


def _parse_named(text: str) -> date | None:
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = match.groups()
    elif match := _MONTH_FIRST.fullmatch(text):
        month, day, year = match.groups()
    else:
        return None
    month_number = _month_number(month)
    return _make(year, month_number, int(day)) if month_number else None


def _month_number(name: str) -> int | None:
    for number, month in enumerate(_MONTHS, start=1):
        if name in (month, month[:3]) or (name == "sept" and number == 9):
            return number
    return None


def _parse_numbers(text: str, order: DateOrder | None) -> date | None:
    match = _NUMBERS.fullmatch(text)
    if match is None:
        return None
    if order is None:
        raise InvalidDateError(
            f'is ambiguous: either number in "{text}" may be the month; set LOGISTICS_DATE_ORDER to dmy or mdy'
        )
    first, second, year = match.groups()
    day, month = (first, second) if order == "dmy" else (second, first)
    return _make(year, int(month), int(day))


def _make(year: str, month: int, day: int) -> date | None:
    full_year = int(year)
    if len(year) == 2:
        full_year += 1900 if full_year >= 69 else 2000
    try:
        return date(full_year, month, day)
    except ValueError:
        return None
