"""What operations share that change something: how bodies and problems are documented, who asks, what is answered."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response

LONGEST_NAME = 200
"""Characters of a requester's name that the database takes."""

CHANGES: Responses = FIGURE_PROBLEMS | {
    413: problem_response("The body is too large"),
    501: problem_response("The API is connected to a read-only copy of the database"),
}


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
