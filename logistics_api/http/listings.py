"""Pages of lists that the database returns as JSON, with a cursor after the last entry."""

import json
from collections.abc import Callable, Collection
from typing import Any

from fastapi import Request, Response

from logistics_api.database.pool import Database
from logistics_api.http.responses import json_response
from logistics_api.parameters import cursors
from logistics_api.parameters.types import Paging


def page_query(listed: str) -> str:
    """The query for a page of a SELECT of numbers and documents that returns one entry more than `limit`.

    One row: a JSON array; the number of the last entry; whether there are more.
    """
    return f"""
SELECT
    coalesce(json_agg(document ORDER BY position) FILTER (WHERE position <= %(limit)s), '[]')::text,
    (array_agg(id ORDER BY position) FILTER (WHERE position <= %(limit)s))[least(count(*), %(limit)s)],
    count(*) > %(limit)s
FROM (SELECT *, row_number() OVER () AS position FROM ({listed}) AS listed (id, document)) AS page
"""


async def respond_with_page(
    request: Request,
    database: Database,
    query: Paging,
    filters: dict[str, Any],
    build: Callable[[Collection[str]], str],
) -> Response:
    """Responds with the page that the cursor of a request asks for. `build` makes its query from names of filters.

    Raises:
        Problem: 404, the cursor belongs to another request; anything `Database.fetch_row` raises.
    """
    fingerprint = cursors.fingerprint(request.url.path, "listed", filters)
    if query.cursor is not None:
        (filters["after"],) = cursors.decode(fingerprint, query.cursor, [int])
    items, last, more = await database.fetch_row(build(filters.keys()), {**filters, "limit": query.limit})
    cursor = json.dumps(cursors.encode(fingerprint, [last]) if more else None)
    response = json_response(f'{{"next_cursor":{cursor},"items":{items}}}')
    response.headers["Cache-Control"] = "no-store"
    return response
