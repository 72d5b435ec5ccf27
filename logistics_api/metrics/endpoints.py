"""GET /api/metrics, /api/metrics/{dataset} and /api/kpi."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from logistics_api.database.pool import Reader
from logistics_api.exports.formats import MEDIA_TYPES
from logistics_api.http.responses import FIGURE_PROBLEMS, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.metrics.descriptions import describe_metrics
from logistics_api.metrics.documents import answer_document
from logistics_api.metrics.files import as_file
from logistics_api.metrics.key_figures import KeyFigureParameters, key_figures
from logistics_api.metrics.parameters import MetricParameters, question, question_as_of
from logistics_api.metrics.schemas import KeyFigures, MetricAnswer, MetricCatalogue
from logistics_api.parameters.datasets import NameOfDataset, dataset_of
from logistics_api.parameters.date_range import NoParameters
from logistics_api.querying.answering import answer, common_version
from logistics_api.querying.metric_query import total_of
from logistics_api.querying.registry import RollupRegistry
from logistics_api.row_access.permitted import permitted_rows

router = Router(tags=["metrics"])

FILES: dict[str, Any] = {
    MEDIA_TYPES["csv"].partition(";")[0]: {"schema": {"type": "string"}, "example": "origin,revenue\nAachen,1250.00\n"},
    MEDIA_TYPES["ndjson"]: {"schema": {"type": "string"}, "example": '{"origin":"Aachen","revenue":1250.00}\n'},
    MEDIA_TYPES["parquet"]: {"schema": {"type": "string", "format": "binary"}},
}
"""What `format` asks for beside JSON."""


async def _registry(request: Request) -> RollupRegistry:
    registry = request.app.state.rollups
    assert isinstance(registry, RollupRegistry)
    return registry


Registry = Annotated[RollupRegistry, Depends(_registry)]


@router.get(
    "/api/metrics", response_model=MetricCatalogue, responses=FIGURE_PROBLEMS, summary="Metrics of all datasets"
)
async def read_metric_catalogue(_: NoParameters, request: Request, database: Reader, registry: Registry) -> Response:
    """Returns the metrics of each dataset, the fields that they can be grouped and filtered by, and its days."""
    catalogue, permitted = request.app.state.catalogue, permitted_rows(request)
    listed = [each for each in catalogue.values() if permitted is None or permitted.includes(each)]
    stored = {each.name: await registry.find(database, each, permitted) for each in listed}
    found = MetricCatalogue(
        datasets=[describe_metrics(each, catalogue, stored[each.name], permitted) for each in listed]
    )
    return versioned_response(found.model_dump_json(), common_version(each.data_version for each in stored.values()))


@router.get(
    "/api/metrics/{dataset}",
    response_model=MetricAnswer,
    responses=FIGURE_PROBLEMS
    | {
        200: {"description": "The answer, or its rows as a file", "content": FILES},
        404: problem_response("The dataset does not exist"),
        501: problem_response("Parquet is unavailable: the server has no pyarrow"),
    },
    summary="Metrics of one dataset",
)
async def read_dataset_metrics(
    dataset: NameOfDataset,
    parameters: Annotated[MetricParameters, Query()],
    request: Request,
    database: Reader,
    registry: Registry,
) -> Response:
    """Returns metrics by period and fields, compared with earlier periods.

    Answers come from a pre-aggregate if there is one that holds what is asked for, otherwise from the records, which
    takes longer; `source` says which. With another `format` than json, the rows alone are sent as a file.
    """
    catalogue = request.app.state.catalogue
    query, as_of = await question_as_of(
        database,
        question(parameters, dataset_of(request, dataset), catalogue, permitted_rows(request)),
        parameters,
        catalogue,
    )
    if parameters.format != "json":
        return await as_file(database, registry, catalogue, query, parameters.format, as_of)
    found = await answer(database, registry, catalogue, query)
    total = await answer(database, registry, catalogue, total_of(query)) if parameters.total else None
    answers = [found] if total is None else [found, total]
    return versioned_response(
        answer_document(found, total, as_of), common_version(each.data_version for each in answers)
    )


@router.get("/api/kpi", response_model=KeyFigures, responses=FIGURE_PROBLEMS, summary="Key figures with their change")
async def read_key_figures(
    parameters: Annotated[KeyFigureParameters, Query()], request: Request, database: Reader, registry: Registry
) -> Response:
    """Returns metrics of any datasets: their values over a range, what they were before, and their course."""
    catalogue, permitted = request.app.state.catalogue, permitted_rows(request)
    return versioned_response(*await key_figures(database, registry, catalogue, permitted, parameters))
