"""What the documented APIs have in common: a handler over a fleet, and the rows that its records should become."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

from tests.sources.servers.fleet import Fleet
from tests.sources.servers.http import Handle, Request, Response, json_response

Rows = Mapping[str, set[tuple[Any, ...]]]


@dataclass(frozen=True)
class DocumentedApi:
    """An API, and what a source of it should bring."""

    name: str
    make: Callable[[Fleet], Handle]
    secrets: Mapping[str, str]
    """The environment variables that its example names, with values that the server accepts."""
    base_path: str
    """What the base URL has after the host."""
    rows: Callable[[Fleet], Rows]
    """Of each dataset: some of the columns of every row, as `columns` names them."""
    columns: Mapping[str, tuple[str, ...]]


class Refused(Exception):
    """A request that the API does not take, with the status and what it answers."""

    def __init__(self, status: int, content: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content)
        self.response = json_response(content, status, headers)


def served(fleet: Fleet, handle: Handle) -> Handle:
    """Answers with the fleet's clock as the Date, and with what a refusal says."""

    def answer(request: Request) -> Response:
        try:
            response = handle(request)
        except Refused as refused:
            response = refused.response
        return response.with_headers(Date=format_datetime(fleet.now, usegmt=True))

    return answer


def check_parameters(request: Request, known: Collection[str], required: Collection[str] = ()) -> None:
    """Refuses parameters that the documentation does not name, and a lack of those it requires."""
    unknown = set(request.query) - set(known)
    missing = set(required) - set(request.query)
    if unknown or missing:
        raise Refused(400, {"error": f"unknown parameters {sorted(unknown)}, missing {sorted(missing)}"})


def check_header(request: Request, name: str, value: str) -> None:
    if request.headers.get(name.lower()) != value:
        raise Refused(401, {"error": f"{name} is missing or wrong"})


def check_size(size: int, largest: int) -> int:
    if not 1 <= size <= largest:
        raise Refused(400, {"error": f"a page has 1 to {largest} records, not {size}"})
    return size
