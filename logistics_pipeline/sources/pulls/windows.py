"""Which time a pull asks for: from the end of the last pull minus the lookback to the time of the server.

The end is never a time that a record has: what appears later with an earlier time is found by the next pulls as long
as it is within the lookback. Begins are inclusive for us: requests never rely on what a source means by "since".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics_pipeline.sources.definitions.definition import Incremental, Resource, TimeFormat
from logistics_pipeline.sources.definitions.times import write_time
from logistics_pipeline.sources.requests.http_requests import Request

_LEAST_LOOKBACK = timedelta(seconds=2)
"""Clocks of servers are told in whole seconds, and records of one second may appear one after the other."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""What `{since}` stands for in a pull of all there is."""


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


def names_end(resource: Resource) -> bool:
    """Whether requests say where the window ends."""
    incremental = resource.incremental
    if incremental is None:
        return False
    texts = f"{list(resource.parameters.values())} {resource.body}"
    return bool(incremental.until) or "{until}" in texts


def with_window(incremental: Incremental, request: Request, window: Window) -> Request:
    """The request for the records of a window: where parameters of its own carry it, and where `{since}` stands."""
    request = _filled(request, incremental, window)
    if window.start is not None:
        start = write_time(window.start, incremental.format)
        request = request.sending(incremental.sent_in, incremental.parameter, _typed(start, incremental))
    if window.end is not None and incremental.until:
        end = write_time(_rounded_up(window.end, incremental.format), incremental.format)
        request = request.sending(incremental.sent_in, incremental.until, _typed(end, incremental))
    return request


def _filled(request: Request, incremental: Incremental, window: Window) -> Request:
    start = write_time(window.start or _BEGINNING, incremental.format)
    texts = {"{since}": start}
    if window.end is not None:
        texts["{until}"] = write_time(_rounded_up(window.end, incremental.format), incremental.format)

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            for name, text in texts.items():
                value = value.replace(name, text)
            return value
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        return [fill(each) for each in value] if isinstance(value, list) else value

    parameters = {name: fill(value) for name, value in request.parameters.items()}
    return replace(request, parameters=parameters, body=fill(request.body))


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
