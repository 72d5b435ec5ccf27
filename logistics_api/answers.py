"""Forms that answers share: JSON that PostgreSQL has built, and the problems a path declares in the OpenAPI."""

from typing import Any

from fastapi import Response

from logistics_api.errors import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


def json_answer(text: str) -> Response:
    """Sends JSON as it is: its shape is proven by tests, not checked again on every request."""
    return Response(text, media_type="application/json")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


REFUSED_PARAMETERS: Responses = {422: _problem("A parameter is missing, unknown or not what it must be")}
DATABASE_PROBLEMS: Responses = {
    503: _problem("The database is away, too busy or not migrated: try again after Retry-After seconds"),
    504: _problem("The database did not finish in time"),
}
FIGURE_PROBLEMS: Responses = REFUSED_PARAMETERS | DATABASE_PROBLEMS
