"""Times of day, timestamps and months: texts to the text that PostgreSQL reads back as the same value.

Nothing is rounded: what has more digits than PostgreSQL keeps is refused. Which number of a timestamp's day is the
month is the business of whoever reads the day (`dates`, `date_evidence`), unless the contract has a pattern.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple

from logistics_core.catalogue.time_patterns import TimeParts, TimePattern
from logistics_pipeline.loading.contract.dates import FIRST_DATE, LAST_DATE, NARROW_SPACES
from logistics_pipeline.loading.excerpts import excerpt

MAX_TIME_CHARACTERS = 80
"""A longer text is no time, whatever stands in it."""

_FRACTION_DIGITS = 6
_ZONE = r" ?(?P<zone>Z|UTC|GMT|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)"
_HALF = r" ?(?P<half>[ap])\.?m\.?"
_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d\d\d)[T ]"
    r"(?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?" + f"(?:{_ZONE})?",
    re.ASCII | re.IGNORECASE,
)
_DEFAULT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    + f"(?:{_ZONE})?",
    re.ASCII | re.IGNORECASE,
)
_ANY_FORM = re.compile(
    r"(?P<day>.*?[^\s,])(?:,? +|T)(?P<hour>\d{1,2})"
    r"(?:(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)" + f"(?:{_HALF})?"
    f"|{_HALF.replace('half', 'only_half')})(?:{_ZONE})?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_TIME = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?" + f"(?:{_HALF})?",
    re.ASCII | re.IGNORECASE,
)
_DEFAULT_TIME = re.compile(
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d+))?", re.ASCII | re.IGNORECASE
)
_YEAR_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?")


class InvalidTimeError(ValueError):
    """The text is no acceptable time. The message is written to follow the name of the field."""


class _Clock(NamedTuple):
    """A time of day; hour 24 is the end of the day."""

    hour: int
    minute: int
    second: int
    microsecond: int


def read_timestamp(text: str, *, has_zone: bool, read_day: Callable[[str], date], only_iso: bool = False) -> str:
    """Returns a trimmed text as a timestamp; one with a time zone as the moment in UTC.

    `read_day` reads the part before the time of day. With `only_iso` nothing but ISO 8601 with hyphens and colons is
    read.

    Raises:
        InvalidTimeError: it is no timestamp, or does not fit.
        ValueError: whatever `read_day` raises.
    """
    text = text.translate(NARROW_SPACES)
    match = _DEFAULT.fullmatch(text) if only_iso else _ISO.fullmatch(text) or _ANY_FORM.fullmatch(text)
    clock = None if match is None else _clock(match.groupdict(), text)
    if match is None or clock is None:
        raise InvalidTimeError(_no_timestamp(text, read_day))
    return _stamp(text, read_day(match["day"]), clock, match["zone"], has_zone=has_zone)


def _no_timestamp(text: str, read_day: Callable[[str], date]) -> str:
    try:
        read_day(text)
    except ValueError:
        return f'must be a date and a time such as 2024-03-05 14:30:00, found the text "{excerpt(text)}"'
    return f'must have a time of day, found the text "{excerpt(text)}"'


def read_timestamp_by(pattern: TimePattern, text: str, *, has_zone: bool) -> str:
    """Returns a trimmed text of a pattern as a timestamp.

    Raises:
        InvalidTimeError: it is not of that pattern, or there is no such time.
    """
    parts = _parts(pattern, text)
    clock = _clock_of_parts(parts, text)
    if clock is None:
        raise InvalidTimeError(_not_of(pattern, text))
    return _stamp(text, _day_of(pattern, parts, text), clock, parts.zone, has_zone=has_zone)


def read_date_by(pattern: TimePattern, text: str) -> date:
    """Returns a trimmed text of a pattern as a date.

    Raises:
        InvalidTimeError: it is not of that pattern, or there is no such day.
    """
    return _day_of(pattern, _parts(pattern, text), text)


def _day_of(pattern: TimePattern, parts: TimeParts, text: str) -> date:
    assert parts.year is not None and parts.month is not None and parts.day is not None
    try:
        day = date(parts.year, parts.month, parts.day)
    except ValueError:
        raise InvalidTimeError(_not_of(pattern, text, "must be a day that exists, written as")) from None
    if parts.weekday not in (None, day.weekday()):
        raise InvalidTimeError(f'has a day of the week that is not that of {day}, found the text "{excerpt(text)}"')
    if not FIRST_DATE <= day <= LAST_DATE:
        raise InvalidTimeError(f"must lie between {FIRST_DATE} and {LAST_DATE}, found {day}")
    return day


def _parts(pattern: TimePattern, text: str) -> TimeParts:
    parts = pattern.read(text.translate(NARROW_SPACES))
    if parts is None:
        raise InvalidTimeError(_not_of(pattern, text))
    return parts


def _not_of(pattern: TimePattern, text: str, rule: str = "must be written as") -> str:
    return f'{rule} {pattern.text} (the format in the contract), found the text "{excerpt(text)}"'


def _stamp(text: str, day: date, clock: _Clock, zone: str | None, *, has_zone: bool) -> str:
    if has_zone and zone is None:
        raise InvalidTimeError(f'must have a time zone such as Z or +02:00, found the text "{excerpt(text)}"')
    if zone is not None and not has_zone:
        raise InvalidTimeError(
            f'must not have a time zone, found the text "{excerpt(text)}"; if all values have one, set timeZone: true '
            "in the contract"
        )
    stamp = datetime.combine(day, time(clock.hour % 24, *clock[1:])) + timedelta(days=clock.hour // 24)
    if zone is not None:
        stamp = stamp.replace(tzinfo=_zone(zone)).astimezone(UTC)
    return stamp.isoformat(" ")


def _zone(zone: str) -> timezone:
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return UTC
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-offset if match[1] == "-" else offset)


def read_time(text: str, *, only_iso: bool = False) -> str:
    """Returns a trimmed text as a time of day; 24:00:00 is the end of the day.

    Raises:
        InvalidTimeError: it is none, or has more digits than PostgreSQL keeps.
    """
    match = (_DEFAULT_TIME if only_iso else _TIME).fullmatch(text.translate(NARROW_SPACES))
    clock = None if match is None else _clock(match.groupdict(), text)
    if clock is None:
        raise InvalidTimeError(f'must be a time of day such as 14:30:00, found the text "{excerpt(text)}"')
    return _clock_text(clock)


def read_time_by(pattern: TimePattern, text: str) -> str:
    """Returns a trimmed text of a pattern as a time of day.

    Raises:
        InvalidTimeError: it is not of that pattern, or there is no such time.
    """
    clock = _clock_of_parts(_parts(pattern, text), text)
    if clock is None:
        raise InvalidTimeError(_not_of(pattern, text))
    return _clock_text(clock)


def _clock_text(clock: _Clock) -> str:
    fraction = f".{clock.microsecond:06}" if clock.microsecond else ""
    return f"{clock.hour:02}:{clock.minute:02}:{clock.second:02}{fraction}"


def _clock(found: dict[str, str | None], text: str) -> _Clock | None:
    """The time of day that a pattern found; None if there is no such time."""
    hour, half = int(found["hour"] or 0), found.get("half") or found.get("only_half")
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    return _checked(hour, int(found["minute"] or 0), int(found["second"] or 0), found["fraction"] or "", text)


def _clock_of_parts(parts: TimeParts, text: str) -> _Clock | None:
    assert parts.hour is not None
    return _checked(parts.hour, parts.minute or 0, parts.second or 0, parts.fraction, text)


def _checked(hour: int, minute: int, second: int, fraction: str, text: str) -> _Clock | None:
    digits = fraction.rstrip("0")
    if len(digits) > _FRACTION_DIGITS:
        raise InvalidTimeError(
            f'must have at most {_FRACTION_DIGITS} digits after the second, found the text "{excerpt(text)}"'
        )
    microsecond = int(digits.ljust(_FRACTION_DIGITS, "0"))
    if second == 60 and minute <= 59 and hour <= 23:
        raise InvalidTimeError(
            f'has a leap second, which the database would store as another time, found the text "{excerpt(text)}"'
        )
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second or microsecond)):
        return None
    return _Clock(hour, minute, second, microsecond)


def read_year_month(text: str) -> str:
    """Returns a trimmed text as a month of a year.

    Raises:
        InvalidTimeError: it is none.
    """
    if not _YEAR_MONTH.fullmatch(text) or text.startswith("0000"):
        raise InvalidTimeError(f'must be a month such as 2024-03, found the text "{excerpt(text)}"')
    return text


def read_year_month_by(pattern: TimePattern, text: str) -> str:
    """Returns a trimmed text of a pattern as a month of a year.

    Raises:
        InvalidTimeError: it is not of that pattern, or there is no such month.
    """
    parts = _parts(pattern, text)
    assert parts.year is not None and parts.month is not None
    if not (parts.year and 1 <= parts.month <= 12):
        raise InvalidTimeError(_not_of(pattern, text))
    return f"{parts.year:04}-{parts.month:02}"
