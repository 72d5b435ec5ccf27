"""What operations share that change something: how bodies and problems are documented, who asks, what is answered."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from logistics_api.errors import Problem, refused_parameter
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response

LONGEST_NAME = 200
"""Characters of a requester's name that the database takes."""

CHANGES: Responses = FIGURE_PROBLEMS | {
    413: problem_response("The body is too large"),
    501: problem_response("The API is connected to a read-only copy of the database"),
}


VERSIONED: Responses = {
    409: problem_response("It has been changed since it was read: read it again"),
    428: problem_response("If-Match is missing"),
}
IfMatch = Annotated[str | None, Header(description='The ETag as it was read, such as `"3"`', examples=['"3"'])]


def etag_of(document: Mapping[str, Any]) -> str:
    """The ETag of a document by its `version`."""
    return f'"{document["version"]}"'


def version_in(if_match: str | None) -> int:
    """The version that a change is about.

    Raises:
        Problem: 428, it is not named; 422, it is no version.
    """
    if if_match is None:
        detail = 'Name the version that you have read in the header If-Match: its ETag, such as "3".'
        raise Problem(428, "version-missing", "Version missing", detail)
    found = re.fullmatch(r'(?:W/)?"([1-9][0-9]{0,8})"', if_match.strip())
    if found is None:
        raise refused_parameter("If-Match", 'an ETag, such as "3"', if_match, "header")
    return int(found[1])


def requester(request: Request) -> str:
    """Name of the API key that a request came with; `anonymous` without one."""
    name: str = request.state.principal.name
    return name[:LONGEST_NAME]


def uncached(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Sends JSON that nobody may keep: it changes whenever somebody changes something."""
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})


def json_body(schema: Mapping[str, Any], description: str | None = None) -> dict[str, Any]:
    """An `openapi_extra=` for an operation that reads its body itself, with a limit on its size."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body if description is None else {"description": description, **body}}


def schema_of(model: type[BaseModel]) -> dict[str, str]:
    """A model as the OpenAPI document refers to it."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}
