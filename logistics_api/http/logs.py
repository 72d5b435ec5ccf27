"""The log: one line per event, for people (text) or for programs (JSON), each with the id of its request.

A line per request is written by `AccessLog`, past the logging module, which would cost as much as a kept answer does.
Neither has a query string or a header in it: keys and what people search for are nobody's business here.
"""

import asyncio
import copy
import json
import logging
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from time import time
from typing import Any, TextIO

from starlette.types import Scope
from uvicorn.config import LOGGING_CONFIG

from logistics_core.settings import Settings

FLUSH_SECONDS = 0.25
LONGEST_PATH = 500

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that the present task serves; set by the edge."""

_PROBES = frozenset({"/health", "/ready", "/metrics"})


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (of_request := request_id.get()) is not None:
            line["request_id"] = of_request
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """A record as a line for people, with its traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        of_request = request_id.get()
        mark = f" [{of_request}]" if of_request else ""
        line = f"{_timestamp(record.created)} {record.levelname:<7} {record.getMessage()}{mark}"
        for more in (
            self.formatException(record.exc_info) if record.exc_info else None,
            self.formatStack(record.stack_info) if record.stack_info else None,
        ):
            line += f"\n{more}" if more else ""
        return line


def logging_config(settings: Settings) -> dict[str, Any]:
    """What uvicorn is to configure logging with: its own loggers and ours, to standard error in one format.

    The pool's warnings repeat what ours say. Requests are logged by `AccessLog`, not by uvicorn.
    """
    formatter = JsonFormatter if settings.log_format == "json" else TextFormatter
    config = copy.deepcopy(LOGGING_CONFIG)
    level = settings.log_level.upper()
    return config | {
        "formatters": {"default": {"()": formatter}},
        "handlers": {"default": {"class": "logging.StreamHandler", "formatter": "default", "stream": sys.stderr}},
        "loggers": {
            "uvicorn": {"handlers": ["default"], "level": level, "propagate": False},
            "logistics_api": {"handlers": ["default"], "level": level, "propagate": False},
            "psycopg.pool": {"handlers": ["default"], "level": "ERROR", "propagate": False},
        },
        "root": {"handlers": ["default"], "level": "WARNING"},
    }


class AccessLog:
    """A line for each request, collected for a moment and written together."""

    def __init__(self, settings: Settings, output: TextIO | None = None) -> None:
        self._which = settings.access_log
        self._line = _json_line if settings.log_format == "json" else _text_line
        self._output = output or sys.stderr
        self._lines: list[str] = []
        self._flushing: asyncio.TimerHandle | None = None

    def write(self, scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: str) -> None:
        """Notes an answer that has been sent. Probes that went well are left out."""
        if self._which != "all" and not self._is_wanted(status, cache):
            return
        if status < 400 and scope["path"] in _PROBES:
            return
        self._lines.append(self._line(scope, template, status, seconds, sent_bytes, cache))
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def _is_wanted(self, status: int, cache: str) -> bool:
        match self._which:
            case "misses":
                return cache != "hit" or status >= 400
            case "errors":
                return status >= 400
            case _:
                return False

    def flush(self) -> None:
        """Writes what has been collected. A log that cannot be written does not keep anybody from being answered."""
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
        f'{{"time": "{_timestamp(time())}", "level": "info", "logger": "access", "method": {quoted(scope["method"])}, '
        f'"path": {quoted(_path(scope))}, "route": {quoted(template)}, "status": {status}, '
        f'"milliseconds": {seconds * 1000:.2f}, "bytes": {sent_bytes}, "cache": "{cache}", '
        f'"principal": {_name(state)}, "client": {quoted(_client(scope))}, '
        f'"request_id": {quoted(state["request_id"])}}}\n'
    )


def _text_line(scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: str) -> str:
    state = scope["state"]
    return (
        f"{_timestamp(time())} ACCESS  {scope['method']} {_path(scope)} {status} {seconds * 1000:.2f} ms "
        f"{sent_bytes} B cache={cache} principal={_name(state)} client={_client(scope)} [{state['request_id']}]\n"
    )


def _path(scope: Scope) -> str:
    """As it was sent, percent-encoded; what could still end a line or colour a terminal is escaped."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    text = raw[:LONGEST_PATH].decode("latin-1")
    return text if text.isascii() and text.isprintable() and " " not in text else ascii(text)[1:-1].replace(" ", "%20")


def _name(state: dict[str, Any]) -> str:
    principal = state.get("principal")
    return "null" if principal is None else quoted(principal.name)


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


_second = 0
_second_text = ""


def _timestamp(moment: float) -> str:
    """UTC, to the millisecond. Of the text all but the milliseconds is made once a second."""
    global _second, _second_text
    second = int(moment)
    if second != _second:
        _second, _second_text = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{_second_text}.{int((moment - second) * 1000):03}Z"
