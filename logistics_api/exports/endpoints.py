"""GET /api/exports/{dataset}.{csv|ndjson|parquet}, with database connections reserved for exports."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Request, Response

from logistics_api.database.limits import Limits
from logistics_api.database.pool import Database
from logistics_api.errors import ParameterError, refused_parameters
from logistics_api.exports.formats import MEDIA_TYPES, Chunks, Format, write_csv, write_ndjson
from logistics_api.exports.parquet import require_pyarrow, write_parquet
from logistics_api.exports.schemas import ExportOptions, export_parameters
from logistics_api.exports.sending import StreamedFile
from logistics_api.exports.snapshots import Snapshot, Wanted, take_snapshot
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.row_access.permitted import Permitted
from logistics_api.rows.endpoints import ROUTES_KEPT, from_query
from logistics_api.rows.filters import given_filters
from logistics_api.rows.pages import find_as_of
from logistics_api.rows.tables import NESTED_KINDS, Table, example_of, kind_of, table_of
from logistics_core.catalogue import Catalogue, Dataset

LIMITS = Limits(connections=4, waiting=8, wait_seconds=5.0, statement_seconds=60.0)
"""An export holds its connections (two, if another is idle) to the end, so other requests must not share them."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the connections that exports have to themselves."""
    app.state.exports = app.state.database.beside(LIMITS, "exports")
    async with app.state.exports:
        yield


async def _of_app(request: Request) -> Database:
    database = request.app.state.exports
    assert isinstance(database, Database)
    return database


ExportReader = Annotated[Database, Depends(_of_app)]
FileFormat = Annotated[Format, Path(description="File format")]


def _responses(example: dict[str, str]) -> Responses:
    """Returns the documented responses, by file format."""
    content: dict[str, Any] = {
        MEDIA_TYPES["csv"].partition(";")[0]: {"schema": {"type": "string"}, "example": example["csv"]},
        MEDIA_TYPES["ndjson"]: {"schema": {"type": "string"}, "example": example["ndjson"]},
        MEDIA_TYPES["parquet"]: {"schema": {"type": "string", "format": "binary"}},
    }
    described = {"description": "The file, in chunks; its length is not known in advance", "content": content}
    return FIGURE_PROBLEMS | {
        200: described,
        501: problem_response("Parquet is unavailable: the server has no pyarrow"),
    }


def make_router(catalogue: Catalogue) -> Router:
    """The routes of all datasets."""
    router = Router()
    for dataset in catalogue.values():
        router.routes += _routes(dataset).routes
    return router


@lru_cache(ROUTES_KEPT)
def _routes(dataset: Dataset) -> Router:
    """The route of the exports of a dataset: the same one as long as its contract is."""
    router = Router(tags=["exports"])
    table = table_of(dataset)

    async def export_rows(
        format: FileFormat, parameters: ExportOptions, database: ExportReader, permitted: Permitted
    ) -> Response:
        return await _export(database, table.for_rows(permitted), format, parameters)

    export_rows.__annotations__["parameters"] = from_query(export_parameters(dataset))
    router.add_api_route(
        f"/api/exports/{dataset.slug}.{{format}}",
        export_rows,
        name=f"export_{dataset.name}",
        response_class=Response,
        responses=_responses(_example(dataset)),
        summary=f"{dataset.title} as a file",
        description=f"{dataset.description} All rows that pass the filters, as of one moment, in no particular order.",
    )
    return router


def _example(dataset: Dataset) -> dict[str, str]:
    """A file with one row."""
    row = {field.name: example_of(field) for field in dataset.fields}
    texts = {field.name for field in dataset.fields if kind_of(field) in {"string", *NESTED_KINDS}}
    cells = (_quoted(value) if name in texts else _cell(value) for name, value in row.items())
    return {
        "csv": f"{','.join(row)}\n{','.join(cells)}\n",
        "ndjson": json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n",
    }


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _quoted(value: object) -> str:
    return '"' + _cell(value).replace('"', '""') + '"'


async def _export(database: Database, table: Table, format: Format, parameters: ExportOptions) -> Response:
    if format == "parquet":
        require_pyarrow()
    if format != "csv" and parameters.reader is not None:
        raise refused_parameters([_only_of_csv(parameters.reader)])
    columns = table.choose(parameters.fields, source=parameters.source)
    filters = given_filters(table, parameters)
    as_of = await find_as_of(database, table, parameters, columns, tuple(filters))
    wanted = Wanted(table, columns, filters, None if as_of is None else as_of.file_id)

    async def stream() -> Chunks:
        async with (
            take_snapshot(database, wanted) as snapshot,
            aclosing(_write(snapshot, format, parameters)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{table.slug}.{format}"'}
    headers |= {} if as_of is None else as_of.headers
    return StreamedFile(stream, MEDIA_TYPES[format], headers)


def _only_of_csv(reader: str) -> ParameterError:
    return ParameterError(parameter="for", location="query", expected="no such parameter: it is for .csv", found=reader)


def _write(snapshot: Snapshot, format: Format, options: ExportOptions) -> Chunks:
    match format:
        case "csv":
            return write_csv(snapshot, trailer=options.trailer, for_excel=options.reader == "excel")
        case "ndjson":
            return write_ndjson(snapshot, trailer=options.trailer)
        case "parquet":
            return write_parquet(snapshot)
