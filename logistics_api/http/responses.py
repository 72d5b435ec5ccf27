"""What responses share: JSON built by PostgreSQL, and the problems that operations declare in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from logistics_api.database.pool import Database
from logistics_api.errors import MEDIA_TYPE, Problem

Responses = dict[int | str, dict[str, Any]]


def json_response(text: str) -> Response:
    """Sends JSON unchanged: tests verify its structure, so it is not validated on every request."""
    return Response(text, media_type="application/json")


def versioned_response(text: str, version: int | None) -> Response:
    """Sends JSON unchanged. With the data version it is of, it can be cached until there is a newer one."""
    headers = {"Cache-Control": "no-store"} if version is None else {"Data-Version": str(version)}
    return Response(text, media_type="application/json", headers=headers)


async def figures_response(
    database: Database, query: str, parameters: Mapping[str, object], *, missing: Problem | None = None
) -> Response:
    """Responds with the JSON text that `query` builds from the analytics, and declares its data version.

    `query` is a SELECT of one text. The version is read in the same statement, and therefore the same snapshot: the
    response can be cached until there is a newer version (`caching_middleware`).

    Raises:
        Problem: `missing` if the text is NULL; anything `Database.fetch_row` raises.
    """
    version, text = await database.fetch_row(
        f"SELECT (SELECT data_version FROM analytics.status), (\n{query}\n)", parameters
    )
    if text is None:
        assert missing is not None
        raise missing
    return versioned_response(text, version)


def problem_response(description: str) -> dict[str, Any]:
    """An entry of `responses=` that describes a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


REFUSED_PARAMETERS: Responses = {422: problem_response("A parameter is missing, unknown or invalid")}
DATABASE_PROBLEMS: Responses = {
    503: problem_response("The database is unavailable, too busy or not migrated; try again after Retry-After seconds"),
    504: problem_response("The database did not respond in time"),
}
FIGURE_PROBLEMS: Responses = REFUSED_PARAMETERS | DATABASE_PROBLEMS
