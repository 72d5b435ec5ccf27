"""GET /api/quality, /api/quality/{dataset}, .../files and .../days."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from logistics_api.database.pool import Database, Reader
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters import cursors
from logistics_api.parameters.datasets import NameOfDataset, dataset_of
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import Paging
from logistics_api.quality.queries import DAYS, QUALITY, files_query
from logistics_api.quality.schemas import (
    DayParameters,
    DetailedQuality,
    QualityOfDatasets,
    QualityOfDays,
    QualityOfFiles,
)
from logistics_core.catalogue import Dataset
from logistics_core.quality import DEFINITION, Counts, Score, rules_of, score_of
from logistics_core.quality.documents import dataset_document, score_document

router = Router(tags=["quality"])

UNKNOWN_DATASET: Responses = {404: problem_response("The dataset does not exist")}
UNKNOWN_DATASET_OR_CURSOR: Responses = {
    404: problem_response(
        "The dataset does not exist, or the cursor is invalid or belongs to a request with other parameters"
    )
}


@router.get(
    "/api/quality", response_model=QualityOfDatasets, responses=FIGURE_PROBLEMS, summary="Quality of all datasets"
)
async def read_quality(_: NoParameters, request: Request, database: Reader) -> Response:
    """Returns each dataset's score with its dimensions, the worst rule and the number of cells behind it."""
    datasets = list(request.app.state.catalogue.values())
    version, documents = await _dataset_documents(database, datasets, with_rules=False)
    return _response({"definition": DEFINITION, "datasets": documents}, version)


@router.get(
    "/api/quality/{dataset}",
    response_model=DetailedQuality,
    responses=FIGURE_PROBLEMS | UNKNOWN_DATASET,
    summary="Quality of one dataset",
)
async def read_dataset_quality(dataset: NameOfDataset, _: NoParameters, request: Request, database: Reader) -> Response:
    """Returns the dataset's score with every rule."""
    version, documents = await _dataset_documents(database, [dataset_of(request, dataset)], with_rules=True)
    return _response(documents[0], version)


@router.get(
    "/api/quality/{dataset}/files",
    response_model=QualityOfFiles,
    responses=FIGURE_PROBLEMS | UNKNOWN_DATASET_OR_CURSOR,
    summary="Quality of a dataset's files",
)
async def list_file_quality(
    dataset: NameOfDataset, query: Annotated[Paging, Query()], request: Request, database: Reader
) -> Response:
    """Returns the score of each file of which something was read, in all versions, newest first."""
    found = dataset_of(request, dataset)
    fingerprint = cursors.fingerprint(request.url.path, "newest", {})
    parameters: dict[str, object] = {"dataset": found.name, "limit": query.limit}
    if query.cursor is not None:
        (parameters["after"],) = cursors.decode(fingerprint, query.cursor, [int])
    files = await database.fetch_value(files_query(query.cursor is None), parameters)
    items = [
        {name: file[name] for name in file if name != "counts"} | _scored(found, file["counts"])
        for file in files[: query.limit]
    ]
    more = cursors.encode(fingerprint, [items[-1]["file_id"]]) if len(files) > query.limit else None
    return _response({"definition": DEFINITION, "next_cursor": more, "items": items})


@router.get(
    "/api/quality/{dataset}/days",
    response_model=QualityOfDays,
    responses=FIGURE_PROBLEMS | UNKNOWN_DATASET,
    summary="Quality of a dataset over time",
)
async def list_daily_quality(
    dataset: NameOfDataset, query: Annotated[DayParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns the score of the files that were loaded on each day, for the latest days."""
    found = dataset_of(request, dataset)
    days = await database.fetch_value(DAYS, {"dataset": found.name, "limit": query.limit})
    items = [{"day": day, "files": counts["account"][0]} | _scored(found, counts) for day, counts in days]
    return _response({"definition": DEFINITION, "items": items})


async def _dataset_documents(
    database: Database, datasets: list[Dataset], *, with_rules: bool
) -> tuple[int, list[dict[str, Any]]]:
    expected = {each.name: each.expectations.freshness for each in datasets if each.expectations.freshness is not None}
    version, counts, arrivals, counted_at = await database.fetch_row(
        QUALITY,
        {
            "datasets": [each.name for each in datasets],
            "expected": list(expected),
            "seconds": [length.total_seconds() for length in expected.values()],
        },
    )
    documents = []
    for each in datasets:
        score = _score(each, counts.get(each.name), tuple(arrivals.get(each.name, (0, 0))))
        documents.append(dataset_document(each, score, counted_at.get(each.name), with_rules=with_rules))
    return version, documents


def _scored(dataset: Dataset, counts: dict[str, Any]) -> dict[str, Any]:
    return score_document(_score(dataset, counts), with_rules=False)


def _score(dataset: Dataset, counts: dict[str, Any] | None, arrivals: tuple[int, int] = (0, 0)) -> Score:
    counted = Counts() if counts is None else Counts.from_document(counts)
    return score_of(rules_of(dataset, counted, arrivals))


def _response(document: dict[str, Any], version: int | None = None) -> Response:
    """It changes within a data version: with the version it is kept for outages only, as the ingestion statistics."""
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(document, headers=headers if version is None else headers | {"Data-Version": str(version)})
