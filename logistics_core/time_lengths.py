"""Lengths of time as people write them: `90s`, `1h30m`, `2d`."""

import re
from datetime import timedelta

_LENGTH = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?")


def parse_length(text: str) -> timedelta:
    """A length of time.

    Raises:
        ValueError: it is none.
    """
    found = _LENGTH.fullmatch(text.replace(" ", ""))
    if found is None or not any(found.groups()):
        raise ValueError(f"is {text!r}. Expected: a length of time such as 30s, 15m, 1h30m or 2d.")
    weeks, days, hours, minutes, seconds = (float(each or 0) for each in found.groups())
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f"is {text!r}, which is longer than a time can be.") from None


def length_text(length: timedelta) -> str:
    """A length of time as people write it."""
    seconds = length.total_seconds()
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        parts += [f"{count:.0f}{unit}"] if count else []
    parts += [f"{seconds:g}s"] if seconds or not parts else []
    return "".join(parts)
