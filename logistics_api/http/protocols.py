"""What the edge asks of its neighbours on every request, and neighbours that do nothing.

All are called for each answer, kept ones included: microseconds, no waiting.
"""

from collections.abc import Callable
from typing import Literal, Protocol

from starlette.types import Scope

CacheUse = Literal["hit", "miss", "none"]
"""`hit`: answered without the database; `miss`: a figure that had to be computed; `none`: not kept at all."""

TemplateOf = Callable[[str], str | None]
"""Finds the template of the route at a path; None where there is none. Asked for what was refused before its route was
found, and for what is answered beside the routes."""


class Access(Protocol):
    """Decides who may pass."""

    def admit(self, scope: Scope) -> object:
        """Lets a request pass, and notes in scope["state"]["principal"] who asks.

        Raises:
            Problem: 401, 403 or 429.
        """


class Metrics(Protocol):
    """Counts what was answered."""

    def observe(self, method: str, template: str, status: int, seconds: float, cache: CacheUse) -> None:
        """An answer is out: to which route (its template, never a path with ids in it), how, begun after how long."""


class RequestLog(Protocol):
    """Writes a line about what was answered."""

    def write(self, scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: CacheUse) -> None:
        """An answer is out. `seconds`: until it began."""


class AdmitAll:
    """Anybody may pass."""

    def admit(self, scope: Scope) -> object:
        return None


class CountNothing:
    """No metrics."""

    def observe(self, method: str, template: str, status: int, seconds: float, cache: CacheUse) -> None:
        pass


def know_no_route(_path: str) -> str | None:
    """Nothing has a template."""
    return None


class LogNothing:
    """No line per request."""

    def write(self, scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: CacheUse) -> None:
        pass
