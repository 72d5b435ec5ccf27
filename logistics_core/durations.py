"""Durations in filters: ISO 8601 such as PT25H10M, or hours, minutes and seconds such as 25:10:00."""

import re

ISO_DURATION = (
    r"-?P(?=-?[0-9]|T)(-?[0-9]{1,5}Y)?(-?[0-9]{1,6}M)?(-?[0-9]{1,6}D)?"
    r"(T(?=-?[0-9])(-?[0-9]{1,8}H)?(-?[0-9]{1,8}M)?(-?[0-9]{1,8}(\.[0-9]{1,6})?S)?)?"
)
CLOCK_DURATION = r"-?[0-9]{1,8}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
DURATION = f"({ISO_DURATION}|{CLOCK_DURATION})"

_DURATION = re.compile(DURATION, re.ASCII)
_NUMBER = re.compile(r"-?[0-9.]+")


def interval_text(text: str) -> str:
    """The duration as PostgreSQL reads it, which takes a minus before each number and none before the P.

    Raises:
        ValueError: it is no duration.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration such as PT25H10M or 25:10:00")
    return _NUMBER.sub(_negated, text[1:]) if text.startswith("-P") else text


def _negated(number: re.Match[str]) -> str:
    return number[0].removeprefix("-") if number[0].startswith("-") else f"-{number[0]}"
