"""Problems: the responses to failed requests, as application/problem+json (RFC 9457).

The code that detects an error decides which problem it is (`database`, the endpoints, the middleware); this module only
defines the format. `http.error_handlers` converts the framework's errors to problems.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
URI_CHARACTERS = "/%:@!$&'()*+,;="
"""Characters allowed in the path of a URI, besides letters and digits (RFC 3986)."""
LONGEST_FOUND = 200
"""Maximum number of characters of an invalid value that a response repeats."""

logger = logging.getLogger(__name__)


class ConfigurationError(Exception):
    """A missing or invalid setting that prevents startup; the message names it and says what to do."""


class Problem(Exception):
    """The response to a failed request.

    `kind` is the stable identifier by which clients distinguish problems; `members` are added to the body unchanged.
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
        """The response to the request in `scope`."""
        body = {
            "type": f"urn:logistics:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": _prefix(scope) + quote(scope.get("raw_path") or scope["path"], safe=URI_CHARACTERS),
            "request_id": scope["state"]["request_id"],
        }
        return JSONResponse(body | dict(self.members), self.status, self.headers, MEDIA_TYPE)


def _prefix(scope: Scope) -> str:
    """The path under which a proxy publishes the API (see `http.prefix`)."""
    return getattr(scope["state"].get("context"), "prefix", "")


class ParameterError(BaseModel):
    """An invalid parameter."""

    parameter: str = Field(description="Name of the parameter", examples=["end"])
    location: str = Field(description="Part of the request that contains it", examples=["query"])
    expected: str = Field(description="The expected value", examples=["a date as YYYY-MM-DD, 1900-01-01 to 2100-12-31"])
    found: str | None = Field(description="The value sent; null if it is missing", examples=["31/12/2024"])


class ProblemBody(BaseModel):
    """A problem as defined by RFC 9457."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(
        description="Stable identifier of the problem type", examples=["urn:logistics:problem:invalid-parameters"]
    )
    title: str = Field(description="Short description of the problem type", examples=["Invalid parameters"])
    status: int = Field(description="HTTP status", examples=[422])
    detail: str = Field(
        description="What happened in this request, and what to do", examples=["1 parameter is invalid: end."]
    )
    instance: str = Field(
        description="Path of the request, percent-encoded as it was sent",
        examples=["/api/dashboard"],
        json_schema_extra={"format": "uri-reference"},
    )
    request_id: str = Field(
        description="X-Request-ID of the response; identifies the request in the log", examples=["5f0c1f6e7a"]
    )
    errors: list[ParameterError] = Field(default=[], description="With status 422: all invalid parameters")


def internal_error() -> Problem:
    """The response to an unexpected error; the log has the details under the same request ID."""
    return Problem(
        500,
        "internal-error",
        "Internal error",
        "An unexpected error occurred. See the server log for this request_id.",
    )


def log_unexpected(scope: Scope, error: Exception) -> None:
    """Logs an unexpected error with its traceback, once."""
    state = scope["state"]
    if state.get("logged") is not error:
        state["logged"] = error
        name = f"{scope['method']} {scope['path']}"
        logger.error("%s failed (request id %s)", name, state["request_id"], exc_info=error)


def too_many_pending(detail: str) -> Problem:
    """The response to a request that would have to wait behind too many others.

    Args:
        detail: how many wait for whom, and how to start it, in sentences.
    """
    return Problem(503, "too-many-requests-pending", "Too many requests pending", detail, headers={"Retry-After": "10"})


def refused_parameters(refused: Sequence[ParameterError]) -> Problem:
    """The response to a request with invalid parameters."""
    names = ", ".join(dict.fromkeys(error.parameter for error in refused))
    count = "1 parameter is invalid" if len(refused) == 1 else f"{len(refused)} parameters are invalid"
    return Problem(
        422,
        "invalid-parameters",
        "Invalid parameters",
        f"{count}: {names}.",
        members={"errors": [error.model_dump() for error in refused]},
    )


def refused_parameter(parameter: str, expected: str, found: str | None, location: str = "query") -> Problem:
    """The response to a request with one invalid parameter; `found` is cut to what a response repeats."""
    cut = found if found is None or len(found) <= LONGEST_FOUND else f"{found[: LONGEST_FOUND - 1]}…"
    return refused_parameters([ParameterError(parameter=parameter, location=location, expected=expected, found=cut)])
