"""What the middleware needs from other parts of the API. Called for every response: must be fast and not block."""

from collections.abc import Callable
from typing import Protocol

from starlette.types import Scope

from logistics_api.http.context import CacheUse

TemplateOf = Callable[[str], str | None]
"""Finds the template of the route at a path; None if no route matches. Used for requests that were not routed."""


class RequestMetrics(Protocol):
    """Counts responses."""

    def observe(self, method: str, template: str, status: int, seconds: float, cache: CacheUse) -> None:
        """Counts a response by route template (never by path). `seconds`: time to the start of the response."""


class RequestLog(Protocol):
    """Writes one line per response."""

    def write(self, scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: CacheUse) -> None:
        """Logs a response. `seconds`: time to the start of the response."""
