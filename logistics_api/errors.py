"""Everything that is not an answer: one exception, and how it becomes application/problem+json (RFC 9457).

What went wrong is decided where it is known (`database`, the routes); here it only gets its form. What nobody expected
is logged by `edge`.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
URI_CHARACTERS = "/%:@!$&'()*+,;="
"""What stands for itself in the path of a URI, beside letters and digits (RFC 3986)."""
LONGEST_FOUND = 200
"""Characters of a refused value that are sent back."""

logger = logging.getLogger(__name__)


class ConfigurationError(Exception):
    """A setting without which the API cannot start; the message says which one and what to do."""


class Problem(Exception):
    """An answer other than the one asked for.

    `kind` is the stable name clients may tell problems apart by; `members` are added to the body as they are.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.headers = headers
        self.members = members or {}

    def response(self, scope: Scope) -> JSONResponse:
        """The answer to the request in `scope`."""
        body = {
            "type": f"urn:logistics:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": quote(scope.get("raw_path") or scope["path"], safe=URI_CHARACTERS),
            "request_id": scope["state"]["request_id"],
        }
        return JSONResponse(body | dict(self.members), self.status, self.headers, MEDIA_TYPE)


class ParameterError(BaseModel):
    """One parameter that was refused."""

    parameter: str = Field(description="Name of the parameter", examples=["end"])
    location: str = Field(description="Where it stands in the request", examples=["query"])
    expected: str = Field(description="What it must be", examples=["a date as YYYY-MM-DD, 1900-01-01 to 2100-12-31"])
    found: str | None = Field(description="What it was; null where it is missing", examples=["31/12/2024"])


class ProblemBody(BaseModel):
    """A problem as RFC 9457 describes it."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(
        description="Stable name of the kind of problem", examples=["urn:logistics:problem:invalid-parameters"]
    )
    title: str = Field(description="The kind of problem in words", examples=["Invalid parameters"])
    status: int = Field(description="HTTP status", examples=[422])
    detail: str = Field(
        description="What happened this time, and what to do", examples=["1 parameter was refused: end."]
    )
    instance: str = Field(
        description="Path of the request, percent-encoded as it was sent",
        examples=["/api/dashboard"],
        json_schema_extra={"format": "uri-reference"},
    )
    request_id: str = Field(
        description="X-Request-ID of the answer: finds the request in the log", examples=["5f0c1f6e7a"]
    )
    errors: list[ParameterError] = Field(default=[], description="With status 422: every parameter that was refused")


def internal_error() -> Problem:
    """What a client is told when the fault is ours; the log has the rest, under the same request id."""
    return Problem(
        500,
        "internal-error",
        "Internal error",
        "The server failed to answer. Its log says more under this request_id.",
    )


def log_unexpected(scope: Scope, error: Exception) -> None:
    """Logs an error nobody expected with its traceback, once."""
    state = scope["state"]
    if state.get("logged") is not error:
        state["logged"] = error
        name = f"{scope['method']} {scope['path']}"
        logger.error("%s failed (request id %s)", name, state["request_id"], exc_info=error)


def install(app: FastAPI) -> None:
    """Makes every error of the framework and of ours a problem."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_refused_parameters)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_unexpected)


async def _answer_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return error.response(request.scope)


def refused_parameters(refused: Sequence[ParameterError]) -> Problem:
    """The problem of parameters that are not what they must be."""
    names = ", ".join(dict.fromkeys(error.parameter for error in refused))
    count = "1 parameter was refused" if len(refused) == 1 else f"{len(refused)} parameters were refused"
    return Problem(
        422,
        "invalid-parameters",
        "Invalid parameters",
        f"{count}: {names}.",
        members={"errors": [error.model_dump() for error in refused]},
    )


async def _answer_refused_parameters(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return refused_parameters([_parameter_error(found) for found in error.errors()]).response(request.scope)


async def _answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    """The framework hands the error on nevertheless, to `edge`, after the answer is out; so it is logged here."""
    log_unexpected(request.scope, error)
    return internal_error().response(request.scope)


def _parameter_error(error: Mapping[str, Any]) -> ParameterError:
    place, name, *_ = error["loc"]  # of a parameter that may be repeated, its position follows
    missing = error["type"] == "missing"
    return ParameterError(
        parameter=str(name),
        location=str(place),
        expected=_expectation(error),
        found=None if missing else str(error["input"])[:LONGEST_FOUND],
    )


def _expectation(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "a value: this parameter is required"
        case "extra_forbidden":
            return "nothing: there is no such parameter here"
        case _:
            return str(error["msg"]).removeprefix("Input should be ")


async def _answer_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status, headers = HTTPStatus(error.status_code), error.headers
    match status:
        case HTTPStatus.NOT_FOUND:
            detail = f"There is nothing at {request.url.path}. /docs lists what there is."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"Allow": _allowed_methods(request)}
            detail = f"{request.method} is not possible at {request.url.path}; {headers['Allow']} is."
        case _:
            detail = str(error.detail)
    kind = status.phrase.lower().replace(" ", "-")
    return Problem(status, kind, status.phrase, detail, headers=headers).response(request.scope)


def _allowed_methods(request: Request) -> str:
    """What is possible at a path, by whichever of its routes: the framework names the methods of the first one only."""
    found: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        route = context.original_route
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return ", ".join(sorted(found | {"HEAD"} if "GET" in found else found))
