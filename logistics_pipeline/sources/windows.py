"""Which time a pull asks for: from the end of the last pull minus the lookback to the time of the server.

The end is never a time that a record has: what appears later with an earlier time is found by the next pulls as long
as it is within the lookback. Begins are inclusive for us: requests never rely on what a source means by "since".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from logistics_pipeline.sources.definition import Incremental, TimeFormat
from logistics_pipeline.sources.http_requests import Request
from logistics_pipeline.sources.times import write_time

_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)
"""What stands where a window has no start or no end, and a time has to."""
_LEAST_LOOKBACK = timedelta(seconds=2)
"""Clocks of servers are told in whole seconds, and records of one second may appear one after the other."""


@dataclass(frozen=True)
class Window:
    """A time that is asked for. No start: from the beginning. No end: up to now."""

    start: datetime | None = None
    end: datetime | None = None


def next_start(incremental: Incremental, last_end: datetime | None) -> datetime | None:
    """Where a pull begins after one whose window ended then; None: it asks for all there is."""
    if last_end is None:
        return incremental.start
    return last_end - max(incremental.lookback, _LEAST_LOOKBACK)


def split(window: Window, step: timedelta | None) -> Sequence[Window]:
    """The window in pieces, which overlap a little."""
    if step is None or window.start is None or window.end is None:
        return [window]
    pieces: list[Window] = []
    start = window.start
    while start < window.end:
        end = min(start + step, window.end)
        pieces.append(Window(start if not pieces else start - _LEAST_LOOKBACK, end))
        start = end
    return pieces or [window]


def with_window(incremental: Incremental, request: Request, window: Window) -> Request:
    """The request for the records of a window."""
    start = None if window.start is None else write_time(window.start, incremental.format)
    end = None if window.end is None else write_time(_rounded_up(window.end, incremental.format), incremental.format)
    if start is not None:
        request = request.sending(incremental.sent_in, incremental.parameter, _typed(start, incremental))
    if end is not None:
        request = request.sending(incremental.sent_in, incremental.until, _typed(end, incremental))
    if incremental.placeholders:
        request = request.filled({
            "since": start or write_time(_FIRST, incremental.format),
            "until": end or write_time(_LAST, incremental.format),
        })  # fmt: skip
    return request


def _typed(text: str, incremental: Incremental) -> str | int:
    """Seconds are numbers where a body carries them."""
    is_number = incremental.format in (TimeFormat.UNIX, TimeFormat.UNIX_MILLISECONDS)
    return int(text) if is_number and incremental.sent_in == "body" else text


def _rounded_up(moment: datetime, form: str) -> datetime:
    """The end as the format can say it: not before what is meant."""
    if form == TimeFormat.DATE or ("%" in form and "%H" not in form):
        return moment + timedelta(days=1)
    if form == TimeFormat.UNIX or ("%" in form and "%f" not in form):
        return moment + timedelta(seconds=1)
    return moment
