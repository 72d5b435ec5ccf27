"""GET /api/history, /api/history/figures/{dataset}, and /api/history/{dataset}/{key} for each dataset with a key."""

from collections.abc import Sequence
from functools import lru_cache
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import TypeAdapter, ValidationError

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem, refused_parameter
from logistics_api.history import queries
from logistics_api.history.figures import figure_history
from logistics_api.history.schemas import (
    FigureHistory,
    FigureParameters,
    Histories,
    TimelineParameters,
    timeline_model,
)
from logistics_api.history.timelines import read_timeline
from logistics_api.http.responses import FIGURE_PROBLEMS, json_response, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.metrics.endpoints import Registry
from logistics_api.parameters.datasets import NameOfDataset, dataset_of
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.path_text import text
from logistics_api.rows.endpoints import ROUTES_KEPT, key_parameter
from logistics_api.rows.filters import TYPES
from logistics_api.rows.key_paths import KeyPathRoute
from logistics_api.rows.tables import Table, kind_of, table_of
from logistics_core.catalogue import Catalogue, Dataset


def make_router(catalogue: Catalogue) -> Router:
    """The routes of what is the same for all datasets, and those of each."""
    router = Router(tags=["history"])
    router.add_api_route(
        "/api/history",
        list_histories,
        response_model=Histories,
        responses=FIGURE_PROBLEMS,
        summary="Datasets that keep earlier versions",
    )
    router.add_api_route(
        "/api/history/figures/{dataset}",
        read_figure_history,
        response_model=FigureHistory,
        responses=FIGURE_PROBLEMS | {404: problem_response("The dataset does not exist")},
        summary="What figures were, and the files that changed them",
    )
    for dataset in catalogue.values():
        if dataset.key:
            router.routes += _timeline(dataset).routes
    return router


async def list_histories(_: NoParameters, request: Request, database: Reader) -> Response:
    """Returns the datasets that keep earlier versions of their records, or did, and since when all are known."""
    found = await database.fetch_value(queries.HISTORIES, {"datasets": list(request.app.state.catalogue)})
    return json_response(f'{{"data":{found}}}')


async def read_figure_history(
    dataset: NameOfDataset,
    parameters: Annotated[FigureParameters, Query()],
    request: Request,
    database: Reader,
    registry: Registry,
) -> Response:
    """Returns metrics of a dataset as they were at an earlier time and as they are, with the files that changed them.

    Of each such file there are the values before and after it. Each value is exact: that of a database which has only
    the files registered until then. All datasets that the figures depend on must keep their history.
    """
    catalogue = request.app.state.catalogue
    found = await figure_history(database, registry, catalogue, dataset_of(request, dataset), parameters)
    return versioned_response(found, None)


@lru_cache(ROUTES_KEPT)
def _timeline(dataset: Dataset) -> Router:
    """The route of the timelines of a dataset: the same one as long as its contract is."""
    router = Router(tags=["history"])
    table = table_of(dataset)

    async def read_versions(
        parameters: Annotated[TimelineParameters, Query()], database: Reader, **identity: Any
    ) -> Response:
        values = [identity[f"key{number}"] for number in range(len(table.identity))]
        return json_response(await _read(database, table, values, parameters))

    vars(read_versions)["__signature__"] = _signature(dataset)
    router.add_api_route(
        "/".join([f"/api/history/{dataset.slug}", *map(text, table.identity)]),
        read_versions,
        name=f"read_{dataset.singular}_timeline",
        response_model=timeline_model(dataset),
        responses=FIGURE_PROBLEMS
        | {404: problem_response("There is no such record, or the cursor belongs to another request")},
        summary=f"Versions of one {dataset.singular.replace('_', ' ')}",
        description="Each version of a record, the newest first: the file and the record that it came from, until when "
        "it counted, and which fields it changed.",
        route_class_override=KeyPathRoute if len(table.identity) > 1 else None,
    )
    return router


async def read_timeline_of(
    database: Database, dataset: Dataset, key: Sequence[str], parameters: TimelineParameters
) -> str:
    """The timeline of a record as JSON, by the values of its key as a path has them.

    Raises:
        Problem: 404, there is no such record; 422, the values are none of its key; whatever `read_timeline` raises.
    """
    fields = [dataset.field(name) for name in dataset.key]
    if not fields or len(key) != len(fields):
        expected = f"{len(fields)} values: {', '.join(dataset.key)}" if fields else f"no key: {dataset.name} has none"
        raise refused_parameter("key", expected, ", ".join(key), "arguments")
    values = []
    for field, text_of_value in zip(fields, key, strict=True):
        try:
            values.append(TypeAdapter(TYPES[kind_of(field)]).validate_python(text_of_value))
        except ValidationError as error:
            expected = f"{field.name}: {error.errors(include_url=False)[0]['msg']}"
            raise refused_parameter("key", expected, text_of_value, "arguments") from error
    return await _read(database, table_of(dataset), values, parameters)


async def _read(database: Database, table: Table, key: Sequence[object], parameters: TimelineParameters) -> str:
    found = await read_timeline(database, table, key, parameters)
    if found is None:
        named = " and ".join(f"{column} {value}" for column, value in zip(table.identity, key, strict=True))
        detail = f"There is no version of a record with {named} in {table.slug}."
        raise Problem(404, "unknown-row", "Unknown row", detail)
    return found


def _signature(dataset: Dataset) -> Signature:
    parameters: dict[str, Any] = {
        "parameters": Annotated[TimelineParameters, Query()],
        "database": Reader,
        **{f"key{number}": key_parameter(dataset, column) for number, column in enumerate(dataset.identity)},
    }
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, annotation=each) for name, each in parameters.items()])
