"""Lists of routes: the parameters they share, and how a SELECT of routes becomes one page of them.

What a list shows stands with its subject. A page is cut from what is answered: rounded figures are compared, so that a
client can check the order of what it got.
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
from logistics_api.parameters.text_search import Part, containing
from logistics_api.parameters.types import Integer

MOST_ROUTES = 1000
LAST_PAGE = 1_000_000_000
"""Far behind every list there can be, and `page` times `page_size` still a number PostgreSQL can count to."""


class ListQuestion(BaseModel):
    """Query parameters of every list. Subclasses say what it can be sorted by, as `sort_by`."""

    page: Integer = Field(
        1, ge=1, le=LAST_PAGE, description="Number of the page, from 1; behind the last one is nothing"
    )
    page_size: Integer = Field(10, ge=1, le=MOST_ROUTES, description="Routes on a page")
    sort_order: Literal["asc", "desc"] = Field(
        "desc", description="Of `sort_by`. Null comes last either way; ties are broken by origin, destination, rising"
    )
    search: Part = Field(
        "", description="Only routes whose origin or destination contains this, upper or lower case; taken literally"
    )


class ListOfRange(DayRange, ListQuestion):
    """A list of the routes of a range."""


class ListOfAnyRange(OpenDayRange, ListQuestion):
    """A list of the routes of a range that may be open at either end."""


class RoutePage(BaseModel):
    """Where a page stands in its list. Subclasses say what `data` holds."""

    model_config = ConfigDict(extra="forbid")

    total: int = Field(description="Routes on all pages, those that `search` leaves", examples=[210])
    page: int = Field(description="Number of this page, from 1", examples=[1])
    page_size: int = Field(description="Routes on a page, the last one excepted", examples=[10])


async def page_response(
    database: Database, routes: str, question: ListOfRange | ListOfAnyRange, sort_by: str
) -> Response:
    """Answers with one page of the routes that the SELECT `endpoints` makes for %(start)s to %(end)s.

    The columns of `endpoints` are those of the answer, rounded as they are answered, in their order.
    """
    return await figures_response(database, page_query(routes, sort_by, question.sort_order), _parameters(question))


def page_query(routes: str, sort_by: str, sort_order: str) -> str:
    """The statement that sorts, searches and cuts. Only columns of `endpoints` may be named, nothing a client wrote."""
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


def _parameters(question: ListOfRange | ListOfAnyRange) -> Mapping[str, int | str | date]:
    return {
        "start": question.start,
        "end": question.end,
        "page": question.page,
        "page_size": question.page_size,
        "pattern": containing(question.search),
    }
