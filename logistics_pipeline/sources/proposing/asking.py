"""Asks an API while a definition is proposed: a few requests, counted, each the first one with changes.

How requests are sent (hosts, secrets, time limits) is the business of the function that is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from logistics_pipeline.sources.definitions.paths import MISSING, ValuePath, path_text, with_value

MOST_REQUESTS = 60
"""Trials of one proposal: parameters that an API does not know are tried at most so often."""


@dataclass(frozen=True)
class Answer:
    """What an API answered. The document is `MISSING` if the body is no JSON."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    document: Any = MISSING
    problem: str = ""
    """Why there is no answer, or no document."""

    @property
    def is_good(self) -> bool:
        """Whether it is a page, as far as its status says."""
        return self.status == 200 and self.document is not MISSING


@dataclass(frozen=True)
class Question:
    """What the answers of an API leave open."""

    subject: str
    """The key of the definition that it is about."""
    text: str
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked: below the base URL, with parameters, and a body if it is a POST."""

    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def has_body(self) -> bool:
        """Whether parameters of a search are in its body."""
        return isinstance(self.body, dict)


Send: TypeAlias = Callable[[Request], Answer]
"""Sends a request."""

Place: TypeAlias = str | ValuePath
"""A query parameter, or the path of a value in the body."""


def place_text(place: Place) -> str:
    """A place as a definition names it."""
    return place if isinstance(place, str) else path_text(place)


class OutOfRequests(Exception):
    """All trials are used up, or the API has said that it is asked too often."""


class Asker:
    """Asks the first request again, with changes."""

    def __init__(self, send: Send, request: Request, most: int = MOST_REQUESTS) -> None:
        self.request = request
        self.asked = 0
        self._send = send
        self._most = most
        self._known: dict[str, Answer] = {}

    def ask(self, changes: Mapping[Place, Any] | None = None) -> Answer:
        """The answer to the request with these changes; the same question is asked once.

        Raises:
            OutOfRequests: no trial is left.
        """
        request = changed(self.request, changes or {})
        key = repr(request)
        if key not in self._known:
            self._known[key] = self._ask(request)
        return self._known[key]

    def _ask(self, request: Request) -> Answer:
        if self.asked >= self._most:
            raise OutOfRequests
        self.asked += 1
        answer = self._send(request)
        if answer.status == 429 and self.asked > 1:
            self._most = 0
            raise OutOfRequests
        return answer

    def always(self, changes: Mapping[Place, Any]) -> None:
        """All requests have these changes from now on."""
        self.request = changed(self.request, changes)

    def places(self, names: tuple[str, ...]) -> list[Place]:
        """Where a value of these names may stand: in the query, or in the body and its objects."""
        if not self.request.has_body:
            return list(names)
        inside: list[ValuePath] = [(key,) for key, value in self.request.body.items() if isinstance(value, dict)]
        around: list[ValuePath] = [("params",)] if ("params",) in inside else [(), *inside]
        return [(*path, name) for name in names for path in around]


def changed(request: Request, changes: Mapping[Place, Any]) -> Request:
    """A request with other values."""
    parameters, body = dict(request.parameters), request.body
    for place, value in changes.items():
        if isinstance(place, str):
            parameters[place] = value
        else:
            body = with_value(body, place, value)
    return Request(request.path, parameters, body)
