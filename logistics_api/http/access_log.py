"""The access log: one line per request. The logging module would cost as much as a whole cached response."""

import asyncio
import sys
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from time import time
from typing import Any, TextIO

from starlette.types import Scope

from logistics_api.http.timestamps import timestamp
from logistics_core.settings import Settings

FLUSH_SECONDS = 0.25
LONGEST_PATH = 500

SKIPPED: dict[str, frozenset[str]] = {
    "all": frozenset(),
    "misses": frozenset({"hit"}),
    "errors": frozenset({"hit", "miss", "none"}),
    "none": frozenset({"hit", "miss", "none"}),
}
"""By setting: cache uses whose successful responses are not logged."""

_PROBES = frozenset({"/health", "/ready", "/metrics"})


class AccessLog:
    """Buffers lines for up to `FLUSH_SECONDS` and writes them together."""

    def __init__(self, settings: Settings, output: TextIO | None = None) -> None:
        self._is_off = settings.access_log == "none"
        self._skipped = SKIPPED[settings.access_log]
        self._line = _json_line if settings.log_format == "json" else _text_line
        self._output = output or sys.stderr
        self._lines: list[str] = []
        self._flushing: asyncio.TimerHandle | None = None

    def write(self, scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: str) -> None:
        """Logs a response, except successful probes."""
        if self._is_off or (status < 400 and (cache in self._skipped or scope["path"] in _PROBES)):
            return
        self._lines.append(self._line(scope, template, status, seconds, sent_bytes, cache))
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Writes the buffered lines. Failure to write the log does not affect requests."""
        self._flushing = None
        lines, self._lines = self._lines, []
        if lines:
            try:
                self._output.write("".join(lines))
                self._output.flush()
            except (OSError, ValueError):  # the disk is full, or the stream is closed
                pass


Line = Callable[[Scope, str, int, float, int, str], str]


def _json_line(scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: str) -> str:
    state = scope["state"]
    return (
        f'{{"time": "{timestamp(time())}", "level": "info", "logger": "access", "method": {quoted(scope["method"])}, '
        f'"path": {quoted(_path(scope))}, "route": {quoted(template)}, "status": {status}, '
        f'"milliseconds": {seconds * 1000:.2f}, "bytes": {sent_bytes}, "cache": "{cache}", '
        f'"principal": {_name(state)}, "client": {quoted(_client(scope))}, '
        f'"request_id": {quoted(state["request_id"])}}}\n'
    )


def _text_line(scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: str) -> str:
    state = scope["state"]
    return (
        f"{timestamp(time())} ACCESS  {scope['method']} {_path(scope)} {status} {seconds * 1000:.2f} ms "
        f"{sent_bytes} B cache={cache} principal={_name(state)} client={_client(scope)} [{state['request_id']}]\n"
    )


def _path(scope: Scope) -> str:
    """The path, percent-encoded as sent; escapes anything that could still break a line or control a terminal."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    text = raw[:LONGEST_PATH].decode("latin-1")
    return text if text.isascii() and text.isprintable() and " " not in text else ascii(text)[1:-1].replace(" ", "%20")


def _name(state: dict[str, Any]) -> str:
    principal = state.get("principal")
    return "null" if principal is None else quoted(principal.name)


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
