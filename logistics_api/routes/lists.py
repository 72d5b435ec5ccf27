"""Lists of routes: the parameters they share, and how a SELECT of routes becomes one page of them.

Each subject decides what its list shows. Rows are sorted by the rounded figures of the response, so that a client can
check their order.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from fastapi import Response
from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.database.pool import Database
from logistics_api.http.responses import figures_response
from logistics_api.parameters.date_range import DayRange, OpenDayRange
from logistics_api.parameters.text_search import SearchText, containing
from logistics_api.parameters.types import Integer

MOST_ROUTES = 1000
LAST_PAGE = 1_000_000_000
"""Beyond the end of every list, while `page` times `page_size` still fits a PostgreSQL bigint."""


class ListParameters(BaseModel):
    """Query parameters of every list. Subclasses define the sort fields as `sort_by`."""

    page: Integer = Field(
        1, ge=1, le=LAST_PAGE, description="Number of the page, from 1; pages after the last are empty"
    )
    page_size: Integer = Field(10, ge=1, le=MOST_ROUTES, description="Routes on a page")
    sort_order: Literal["asc", "desc"] = Field(
        "desc",
        description="Direction of `sort_by`. Null comes last in both; ties sort by origin, destination, ascending",
    )
    search: SearchText = Field(
        "", description="Only routes whose origin or destination contains this text, case-insensitive; no wildcards"
    )


class ListOfRange(DayRange, ListParameters):
    """Query parameters of a list of routes in a range."""


class ListOfAnyRange(OpenDayRange, ListParameters):
    """Query parameters of a list of routes in a range that may be open-ended."""


class RoutePage(BaseModel):
    """The position of a page in its list. Subclasses define `data`."""

    model_config = ConfigDict(extra="forbid")

    total: int = Field(description="Routes on all pages that match `search`", examples=[210])
    page: int = Field(description="Number of this page, from 1", examples=[1])
    page_size: int = Field(description="Page size; the last page may have fewer routes", examples=[10])


async def page_response(
    database: Database,
    routes: str,
    query: ListOfRange | ListOfAnyRange,
    sort_by: str,
    others: Mapping[str, object] | None = None,
) -> Response:
    """Responds with one page of the routes that the SELECT `routes` makes for %(start)s to %(end)s.

    The columns of `routes` are those of the response, rounded and in their order. `others`: its own parameters.
    """
    return await figures_response(
        database, page_query(routes, sort_by, query.sort_order), {**_parameters(query), **(others or {})}
    )


def page_query(routes: str, sort_by: str, sort_order: str) -> str:
    """Builds the paged statement. `sort_by` must be a column of `routes`, never text of a client."""
    order = f"{sql.Identifier(sort_by).as_string()} {sort_order} NULLS LAST, origin, destination"
    return f"""
WITH listed AS (
{routes}
),
found AS (
    SELECT *
    FROM listed
    WHERE origin ~ %(pattern)s::text OR destination ~ %(pattern)s::text
),
shown AS (
    SELECT *
    FROM found
    ORDER BY {order}
    LIMIT %(page_size)s::bigint OFFSET (%(page)s::bigint - 1) * %(page_size)s::bigint
)
SELECT json_build_object(
    'data', (SELECT coalesce(json_agg(shown ORDER BY {order}), '[]') FROM shown),
    'total', (SELECT count(*) FROM found),
    'page', %(page)s::bigint,
    'page_size', %(page_size)s::bigint
)::text
"""


def _parameters(query: ListOfRange | ListOfAnyRange) -> Mapping[str, int | str | date]:
    return {
        "start": query.start,
        "end": query.end,
        "page": query.page,
        "page_size": query.page_size,
        "pattern": containing(query.search),
    }
