"""The log: one line per event, as text or JSON, with the request ID.

`access_log` writes one line per request. Neither log contains query strings or headers, which hold search terms and
API keys.
"""

import copy
import json
import logging
import sys
from typing import Any

from uvicorn.config import LOGGING_CONFIG

from logistics_api.http.context import current_request_id
from logistics_api.http.timestamps import timestamp
from logistics_core.settings import Settings


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (of_request := current_request_id.get()) is not None:
            line["request_id"] = of_request
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Formats a record as one line of text, followed by its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        of_request = current_request_id.get()
        mark = f" [{of_request}]" if of_request else ""
        line = f"{timestamp(record.created)} {record.levelname:<7} {record.getMessage()}{mark}"
        for more in (
            self.formatException(record.exc_info) if record.exc_info else None,
            self.formatStack(record.stack_info) if record.stack_info else None,
        ):
            line += f"\n{more}" if more else ""
        return line


def logging_config(settings: Settings) -> dict[str, Any]:
    """Configuration for uvicorn: its loggers and ours write to standard error in one format.

    The pool's warnings are suppressed, because they repeat ours. Requests are logged by `AccessLog`, not by uvicorn.
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
