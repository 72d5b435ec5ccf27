"""Timestamps for logs: UTC, in milliseconds."""

from datetime import UTC, datetime

_second = 0
_second_text = ""


def timestamp(moment: float) -> str:
    """A Unix time as text. Everything but the milliseconds is formatted only once a second."""
    global _second, _second_text
    second = int(moment)
    if second != _second:
        _second, _second_text = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{_second_text}.{int((moment - second) * 1000):03}Z"
