"""What the middleware needs from other parts of the API. Called for every response: microseconds, never blocking."""

from collections.abc import Callable
from typing import Protocol

from starlette.types import Scope

from logistics_api.http.context import CacheUse

TemplateOf = Callable[[str], str | None]
"""Finds the template of the route at a path; None where no route matches. Used for requests that were not routed."""


class RequestMetrics(Protocol):
    """Counts responses."""

    def observe(self, method: str, template: str, status: int, seconds: float, cache: CacheUse) -> None:
        """Counts a response by route template (never by path). `seconds`: until it began."""


class RequestLog(Protocol):
    """Writes a line per response."""

    def write(self, scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: CacheUse) -> None:
        """Logs a response. `seconds`: until it began."""
