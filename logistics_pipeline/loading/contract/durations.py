"""Durations: `25:10:00`, ISO 8601, `3 days, 04:05:06`, `1h 30m`. Months, days and the rest stay apart.

A month is no number of days and a day no number of hours, so only hours, minutes and seconds may have a fraction: half
a day is not said to be twelve hours. 12:30 may be hours and minutes, or minutes and seconds: the contract says which.
"""

import re
from typing import NamedTuple

from logistics_pipeline.loading.excerpts import excerpt

_SECOND, _MINUTE, _HOUR = 1_000_000, 60_000_000, 3_600_000_000
"""In microseconds, the smallest that PostgreSQL keeps."""
_MOST_UNITS = 2**31 - 1
"""Months and days that PostgreSQL stores, and hours that all its versions read."""

_CLOCK = re.compile(r"(-)?([0-9]{1,10}):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]+))?)?", re.ASCII)
_MINUTES = re.compile(r"(-)?([0-9]{1,10}):([0-5][0-9])(?:[.,]([0-9]+))?", re.ASCII)
_NUMBER = r"([0-9]{1,10}(?:[.,][0-9]{1,20})?)"
_ISO = re.compile(
    rf"(-)?P(?=[0-9T])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII | re.IGNORECASE,
)
_DAYS = re.compile(r"(-)?([0-9]{1,10}) days?,? ([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?", re.ASCII | re.I)
_WORDS = re.compile(
    r"(?:(?P<h>[0-9]{1,10}) ?h(?:ours?|rs?)?)? ?(?:(?P<m>[0-9]{1,10}) ?m(?:in(?:utes?)?)?)? ?"
    r"(?:(?P<s>[0-9]{1,10}) ?s(?:ec(?:onds?)?)?)?",
    re.ASCII | re.IGNORECASE,
)


class InvalidDurationError(ValueError):
    """The text is no acceptable duration. The message is written to follow the name of the field."""


class Duration(NamedTuple):
    """Months, days and microseconds, which nothing converts into one another."""

    months: int
    days: int
    microseconds: int

    def __str__(self) -> str:
        """As PostgreSQL reads it."""
        parts = [f"{self.months} mons"] if self.months else []
        parts += [f"{self.days} days"] if self.days else []
        if self.microseconds or not parts:
            parts.append(_clock_text(self.microseconds))
        return " ".join(parts)


def _clock_text(microseconds: int) -> str:
    hours, rest = divmod(abs(microseconds), _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds, fraction = divmod(rest, _SECOND)
    text = f"{'-' if microseconds < 0 else ''}{hours:02}:{minutes:02}:{seconds:02}"
    return f"{text}.{fraction:06}" if fraction else text


def read_duration(text: str, pattern: str | None = None) -> Duration:
    """Parses a trimmed text. A pattern (`DURATION_PATTERNS`) says what is before and after a colon; `default` is ISO.

    Raises:
        InvalidDurationError: it is no duration, or the text leaves open which.
    """
    match pattern:
        case None:
            found = _read_any(text)
        case "default":
            found = _read_iso(text)
        case "%M:%S":
            found = _read_minutes(text)
        case _:
            found = _read_clock(text, has_seconds=pattern == "%H:%M:%S")
    if found is None:
        raise InvalidDurationError(f'must be a duration such as {_example(pattern)}, found the text "{excerpt(text)}"')
    if (
        abs(found.months) > _MOST_UNITS
        or abs(found.days) > _MOST_UNITS
        or abs(found.microseconds) > _MOST_UNITS * _HOUR
    ):
        raise InvalidDurationError(f'must have at most {_MOST_UNITS:,} hours, days or months, found "{excerpt(text)}"')
    return found


def _example(pattern: str | None) -> str:
    return {
        None: "25:10:00 or PT25H10M",
        "default": "PT25H10M",
        "%H:%M:%S": "25:10:00",
        "%H:%M": "25:10",
        "%M:%S": "90:30",
    }[pattern]


def _read_any(text: str) -> Duration | None:
    if found := _CLOCK.fullmatch(text):
        if found[4] is None:
            raise InvalidDurationError(
                f'is ambiguous: "{excerpt(text)}" may be hours and minutes or minutes and seconds; set format in the '
                "contract to %H:%M or %M:%S"
            )
        return _read_clock(text, has_seconds=True)
    return _read_iso(text) or _read_days(text) or _read_words(text)


def _read_clock(text: str, *, has_seconds: bool) -> Duration | None:
    match = _CLOCK.fullmatch(text)
    if match is None or (match[4] is not None) != has_seconds:
        return None
    sign, hours, minutes, seconds, fraction = match.groups()
    return _signed(
        sign,
        0,
        0,
        int(hours) * _HOUR + int(minutes) * _MINUTE + int(seconds or 0) * _SECOND + _fraction(fraction, text),
    )


def _read_minutes(text: str) -> Duration | None:
    match = _MINUTES.fullmatch(text)
    if match is None:
        return None
    sign, minutes, seconds, fraction = match.groups()
    return _signed(sign, 0, 0, int(minutes) * _MINUTE + int(seconds) * _SECOND + _fraction(fraction, text))


def _read_days(text: str) -> Duration | None:
    """As Python writes it; there a sign is of the days alone."""
    match = _DAYS.fullmatch(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    rest = int(hours) * _HOUR + int(minutes) * _MINUTE + int(seconds) * _SECOND + _fraction(fraction, text)
    if sign and rest:
        raise InvalidDurationError(
            f'is ambiguous: the sign of "{excerpt(text)}" may be of the days alone; write it as in ISO 8601'
        )
    return _signed(sign, 0, int(days), rest)


def _read_words(text: str) -> Duration | None:
    match = _WORDS.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (int(each or 0) for each in match.group("h", "m", "s"))
    return Duration(0, 0, hours * _HOUR + minutes * _MINUTE + seconds * _SECOND)


def _read_iso(text: str) -> Duration | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    sign, years, months, weeks, days, hours, minutes, seconds = match.groups()
    whole = [_whole(each, text) for each in (years, months, weeks, days)]
    exact = _exact(hours, _HOUR, text) + _exact(minutes, _MINUTE, text) + _exact(seconds, _SECOND, text)
    return _signed(sign, whole[0] * 12 + whole[1], whole[2] * 7 + whole[3], exact)


def _signed(sign: str | None, months: int, days: int, microseconds: int) -> Duration:
    return Duration(-months, -days, -microseconds) if sign else Duration(months, days, microseconds)


def _whole(number: str | None, text: str) -> int:
    if number is None:
        return 0
    whole, _, fraction = number.replace(",", ".").partition(".")
    if fraction.strip("0"):
        raise InvalidDurationError(
            f'must have whole years, months, weeks and days, found the text "{excerpt(text)}": part of one has no '
            "certain length"
        )
    return int(whole)


def _exact(number: str | None, unit: int, text: str) -> int:
    """A number of units in microseconds."""
    if number is None:
        return 0
    whole, _, fraction = number.replace(",", ".").partition(".")
    fraction = fraction.rstrip("0")
    scale = int(f"1{'0' * len(fraction)}")
    part, rest = divmod(int(fraction or 0) * unit, scale)
    if rest:
        raise InvalidDurationError(_too_exact(text))
    return int(whole) * unit + part


def _fraction(digits: str | None, text: str) -> int:
    digits = (digits or "").rstrip("0")
    if len(digits) > 6:
        raise InvalidDurationError(_too_exact(text))
    return int(digits.ljust(6, "0"))


def _too_exact(text: str) -> str:
    return f'must have at most 6 digits after the second, found the text "{excerpt(text)}"'
