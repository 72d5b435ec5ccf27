"""GET /api/{dataset} and GET /api/{dataset}/{key}: pages and single rows of every dataset in the catalogue.

A key of several fields is as many segments of the path. Without a key the file and the record number identify a row.

Included after all other subjects: a key may contain any character, even `/`, so `/api/vehicles/{vehicle_id}` would take
`/api/vehicles/metrics` for a vehicle. Find a vehicle of that name with `?vehicle_id=metrics`.
"""

from collections.abc import Sequence
from functools import lru_cache
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import Path, Query, Response

from logistics_api.as_of.relations import AS_OF
from logistics_api.as_of.resolving import AsOf
from logistics_api.database.pool import Database, Reader
from logistics_api.database.problems import again_after_conflict
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, json_response, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.path_text import text
from logistics_api.parameters.types import FileId
from logistics_api.row_access.permitted import Permitted
from logistics_api.rows import queries
from logistics_api.rows.filters import TYPES, RecordNumber, Selection, selection_model
from logistics_api.rows.key_paths import KeyPathRoute
from logistics_api.rows.pages import find_as_of, read_page
from logistics_api.rows.schemas import RowPaging, page_model, page_parameters, row_model
from logistics_api.rows.tables import Table, example_of, kind_of, table_of
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.database_contract.contracts import MAX_DATASETS

PAGE_PROBLEMS: Responses = FIGURE_PROBLEMS | {
    404: problem_response("The cursor is invalid or belongs to a request with other parameters")
}
ROW_PROBLEMS: Responses = FIGURE_PROBLEMS | {404: problem_response("There is no row with this key")}

ROUTES_KEPT = 2 * MAX_DATASETS
"""FastAPI takes milliseconds for each: a change to one contract makes those of that dataset."""


def make_router(catalogue: Catalogue) -> Router:
    """The routes of all datasets."""
    router = Router()
    for make in (_page, _row):
        for dataset in catalogue.values():
            router.routes += make(dataset).routes
    return router


@lru_cache(ROUTES_KEPT)
def _page(dataset: Dataset) -> Router:
    """The route of the pages of a dataset: the same one as long as its contract is."""
    router = Router(tags=["rows"])
    table = table_of(dataset)

    async def read_rows(parameters: RowPaging, database: Reader, permitted: Permitted) -> Response:
        return _response(*await read_page(database, table.for_rows(permitted), parameters))

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
    return router


@lru_cache(ROUTES_KEPT)
def _row(dataset: Dataset) -> Router:
    """The route of single rows of a dataset."""
    router = Router(tags=["rows"])
    table = table_of(dataset)

    async def read_row(parameters: Selection, database: Reader, permitted: Permitted, **identity: Any) -> Response:
        values = [identity[f"key{number}"] for number in range(len(table.identity))]
        return await _find_row(database, table.for_rows(permitted), values, parameters)

    vars(read_row)["__signature__"] = _signature(dataset)
    router.add_api_route(
        "/".join([f"/api/{dataset.slug}", *map(text, table.identity)]),
        read_row,
        name=f"read_{dataset.singular}",
        response_model=row_model(dataset),
        responses=ROW_PROBLEMS,
        summary=f"One {dataset.singular.replace('_', ' ')}",
        description=_describe_row(dataset),
        route_class_override=KeyPathRoute if len(table.identity) > 1 else None,
    )
    return router


def _signature(dataset: Dataset) -> Signature:
    """The parameters of a request for one row: one per column of its identity, from the path."""
    parameters = {
        "parameters": from_query(selection_model(dataset)),
        "database": Reader,
        "permitted": Permitted,
        **{f"key{number}": key_parameter(dataset, column) for number, column in enumerate(dataset.identity)},
    }
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, annotation=each) for name, each in parameters.items()])


def key_parameter(dataset: Dataset, column: str) -> Any:
    """The annotation of a parameter that takes a column of the identity from the path."""
    if not dataset.key:
        type_ = FileId if column == "file_id" else RecordNumber
        return Annotated[type_, Path(alias=column)]
    field = dataset.field(column)
    words = "Key of the row, percent-encoded" if len(dataset.key) == 1 else f"{field.description}, percent-encoded"
    return Annotated[TYPES[kind_of(field)], Path(alias=column, description=words, examples=[example_of(field)])]


def _describe_row(dataset: Dataset) -> str:
    if not dataset.key:
        return (
            f"One record, found by its file and its number there: the records of {dataset.name} have no key. "
            "`source=true` adds both to each row of a page."
        )
    filters = "=&".join(dataset.key)
    return (
        f"The latest delivered record. If the key is also another path below /api/{dataset.slug}, "
        f"use /api/{dataset.slug}?{filters}=."
    )


def from_query(model: type[Any]) -> Any:
    """The annotation of a parameter that takes a model from the query."""
    return Annotated[model, Query()]


def _response(text: str, as_of: AsOf | None) -> Response:
    response = json_response(text)
    response.headers.update({} if as_of is None else as_of.headers)
    return response


@again_after_conflict
async def _find_row(database: Database, table: Table, key: Sequence[object], parameters: Selection) -> Response:
    columns = table.choose(parameters.fields, source=parameters.source)
    as_of = await find_as_of(database, table, parameters, columns)
    statement = queries.row(table, columns, as_of=as_of is not None)
    values = {f"Key{number}": value for number, value in enumerate(key)}
    if as_of is not None:
        values[AS_OF] = as_of.file_id
    async with database.connection() as connection:
        found = await (await connection.execute(statement, values)).fetchone()
    if found is None:
        raise _unknown(table, key, as_of)
    return _response(found[0], as_of)


def _unknown(table: Table, key: Sequence[object], as_of: AsOf | None) -> Problem:
    named = " and ".join(f"{column} {value}" for column, value in zip(table.identity, key, strict=True))
    if as_of is not None:
        detail = f"There was no row with {named} in {table.slug} as of file {as_of.file_id}."
        return Problem(404, "unknown-row", "Unknown row", detail)
    return Problem(
        404,
        "unknown-row",
        "Unknown row",
        f"There is no row with {named} in {table.slug}. It may not have arrived yet "
        "or may have been rejected: /api/ingestion/rejects lists rejected records.",
    )
