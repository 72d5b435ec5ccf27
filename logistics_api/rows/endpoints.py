"""GET /api/{dataset} and GET /api/{dataset}/{key}: pages and single rows of every dataset in the catalogue.

Included after all other subjects: a key may contain any character, even `/`, so `/api/vehicles/{vehicle_id}` would take
`/api/vehicles/metrics` for a vehicle. Find a vehicle of that name with `?vehicle_id=metrics`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, json_response, problem_response
from logistics_api.parameters.path_text import text
from logistics_api.parameters.text_search import KeyText
from logistics_api.rows import queries
from logistics_api.rows.filters import Selection, selection_model
from logistics_api.rows.pages import read_page
from logistics_api.rows.schemas import RowPaging, page_model, page_parameters, row_model
from logistics_api.rows.tables import Table, example_of, table_of
from logistics_core.catalogue import Catalogue, Dataset

PAGE_PROBLEMS: Responses = FIGURE_PROBLEMS | {
    404: problem_response("The cursor is invalid or belongs to a request with other parameters")
}
ROW_PROBLEMS: Responses = FIGURE_PROBLEMS | {404: problem_response("There is no row with this key")}


def make_router(catalogue: Catalogue) -> APIRouter:
    """The routes of all datasets."""
    router = APIRouter(tags=["rows"])
    for dataset in catalogue.values():
        _add_page(router, dataset)
    for dataset in catalogue.values():
        _add_row(router, dataset)
    return router


def _add_page(router: APIRouter, dataset: Dataset) -> None:
    table = table_of(dataset)

    async def read_rows(parameters: RowPaging, database: Reader) -> Response:
        return json_response(await read_page(database, table, parameters))

    read_rows.__annotations__["parameters"] = from_query(page_parameters(dataset))
    router.add_api_route(
        f"/api/{dataset.slug}",
        read_rows,
        name=f"read_{dataset.name}",
        response_model=page_model(dataset),
        responses=PAGE_PROBLEMS,
        summary=f"{dataset.title}, page by page",
        description=f"{dataset.description} As delivered; the default order is `{table.default_sort}`.",
    )


def _add_row(router: APIRouter, dataset: Dataset) -> None:
    table = table_of(dataset)
    key_example = example_of(dataset.field(dataset.key))

    async def read_row(
        key: Annotated[
            KeyText, Path(alias=dataset.key, description="Key of the row, percent-encoded", examples=[key_example])
        ],
        parameters: Selection,
        database: Reader,
    ) -> Response:
        return await _row(database, table, key, parameters)

    read_row.__annotations__["parameters"] = from_query(selection_model(dataset))
    router.add_api_route(
        f"/api/{dataset.slug}/{text(dataset.key)}",
        read_row,
        name=f"read_{dataset.singular}",
        response_model=row_model(dataset),
        responses=ROW_PROBLEMS,
        summary=f"One {dataset.singular.replace('_', ' ')}",
        description=f"The latest delivered record. If the key is also another path below /api/{dataset.slug}, "
        f"use /api/{dataset.slug}?{dataset.key}=.",
    )


def from_query(model: type[Any]) -> Any:
    """The annotation of a parameter that takes a model from the query."""
    return Annotated[model, Query()]


async def _row(database: Database, table: Table, key: str, parameters: Selection) -> Response:
    statement = queries.row(table, table.choose(parameters.fields, source=parameters.source))
    async with database.connection() as connection:
        found = await (await connection.execute(statement, {"key": key})).fetchone()
    if found is None:
        raise _unknown(table, key)
    return json_response(found[0])


def _unknown(table: Table, key: str) -> Problem:
    return Problem(
        404,
        "unknown-row",
        "Unknown row",
        f"There is no row with {table.key} {key} in {table.slug}. It may not have arrived yet "
        "or may have been rejected: /api/ingestion/rejects lists rejected records.",
    )
