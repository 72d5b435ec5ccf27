"""Problems: the responses of requests that failed, as application/problem+json (RFC 9457).

What went wrong is decided where it is known (`database`, the endpoints, the middleware); here it only gets its form.
`http.error_handlers` makes problems of the framework's errors.
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
"""Characters of a refused value that are sent back."""

logger = logging.getLogger(__name__)


class ConfigurationError(Exception):
    """A setting without which the API cannot start; the message says which one and what to do."""


class Problem(Exception):
    """The response of a request that failed.

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
        """The response to the request in `scope`."""
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
    """The response to a bug; the log has the details, under the same request ID."""
    return Problem(
        500,
        "internal-error",
        "Internal error",
        "The server failed to answer. Its log says more under this request_id.",
    )


def log_unexpected(scope: Scope, error: Exception) -> None:
    """Logs an unexpected error with its traceback, once."""
    state = scope["state"]
    if state.get("logged") is not error:
        state["logged"] = error
        name = f"{scope['method']} {scope['path']}"
        logger.error("%s failed (request id %s)", name, state["request_id"], exc_info=error)


def refused_parameters(refused: Sequence[ParameterError]) -> Problem:
    """The problem of invalid parameters."""
    names = ", ".join(dict.fromkeys(error.parameter for error in refused))
    count = "1 parameter was refused" if len(refused) == 1 else f"{len(refused)} parameters were refused"
    return Problem(
        422,
        "invalid-parameters",
        "Invalid parameters",
        f"{count}: {names}.",
        members={"errors": [error.model_dump() for error in refused]},
    )
