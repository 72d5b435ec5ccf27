"""Rejects repeated query parameters: the framework would use the last value, other software the first."""

from collections import Counter
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.errors import LONGEST_FOUND, ParameterError, Problem, refused_parameters

REPEATABLE = frozenset({"state"})
"""Parameters that take several values by repeating the name."""


class RepeatedParametersMiddleware:
    """Checks the query string of every request to the API."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = repeated_parameters(scope["query_string"]) if scope["path"].startswith("/api") else None
        app = self.app if problem is None else problem.response(scope)
        await app(scope, receive, send)


def repeated_parameters(query_string: bytes) -> Problem | None:
    """The problem with a query string that repeats parameters; None if none is repeated."""
    if b"&" not in query_string:
        return None
    sent = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    counts = Counter(name for name, _ in sent)
    repeated = [name for name, count in counts.items() if count > 1 and name not in REPEATABLE]
    return refused_parameters([_repeated(name, sent) for name in repeated]) if repeated else None


def _repeated(name: str, sent: list[tuple[str, str]]) -> ParameterError:
    found = ", ".join(value for other, value in sent if other == name)
    return ParameterError(parameter=name, location="query", expected="one value", found=found[:LONGEST_FOUND])
