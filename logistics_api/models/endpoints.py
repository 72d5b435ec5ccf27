"""GET /api/models and below: models, versions, history, accuracy, predictions, odd values."""

import json
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.forecasts.parameters import AsOf
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.models import queries
from logistics_api.models.schemas import (
    ModelAccuracy,
    ModelCard,
    ModelDetails,
    ModelHistory,
    ModelList,
    ModelPredictions,
    OddValues,
)
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS, Flag, Integer, Number

router = Router(tags=["models"])

MODEL_PATTERN = r"^[a-z_][a-z0-9_]*\.[a-z][a-z0-9_]*$"
ModelName = Annotated[
    str,
    Path(
        max_length=104,
        pattern=MODEL_PATTERN,
        description="A model by its name in /api/models",
        examples=["shipments.delivery_time"],
    ),
]
VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1, description="A version", examples=[1]), DIGITS, Path()]

UNKNOWN: Responses = {404: problem_response("The model does not exist, or was not trained yet")}
UNKNOWN_VERSION: Responses = {404: problem_response("The model or the version does not exist")}


class HistoryParameters(BaseModel):
    """Query parameters of the history."""

    model_config = ConfigDict(extra="forbid")

    at: AsOf | None = Field(None, description="What was known and in production then; now if omitted")
    limit: Integer = Field(100, ge=1, le=1000, description="Maximum number of changes and of periods")


class AccuracyOfModelParameters(BaseModel):
    """Query parameters of the accuracy."""

    model_config = ConfigDict(extra="forbid")

    weeks: Integer = Field(26, ge=1, le=520, description="How many weeks, the newest")


class PredictionParameters(BaseModel):
    """Query parameters of predictions."""

    model_config = ConfigDict(extra="forbid")

    open: Flag = Field(
        True, description="true: of which the truth is not known yet, the riskiest first; false: scored ones"
    )
    least_risk: Number | None = Field(
        None, description="Only with a risk of being late from this, 0 to 1", examples=[0.5]
    )
    limit: Integer = Field(100, ge=1, le=1000, description="Maximum number of predictions")


class OddParameters(BaseModel):
    """Query parameters of odd values."""

    model_config = ConfigDict(extra="forbid")

    limit: Integer = Field(100, ge=1, le=1000, description="Maximum number of findings")


@router.get("/api/models", response_model=ModelList, responses=FIGURE_PROBLEMS, summary="Models and how right they are")
async def list_models(_: NoParameters, database: Reader) -> Response:
    """Returns all models that contracts ask for, with the version in production and its track record."""
    return _changing({"models": await database.fetch_value(queries.ALL_MODELS)})


@router.get(
    "/api/models/{model}",
    response_model=ModelDetails,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="One model with its versions",
)
async def read_model(model: ModelName, _: NoParameters, database: Reader) -> Response:
    """Returns a model with all its versions, each with its newest back-test."""
    found, versions = await database.fetch_row(queries.ONE_MODEL, {"model": model})
    if found is None:
        raise unknown_model(model)
    return _changing({"model": found, "versions": versions})


@router.get(
    "/api/models/{model}/versions/{version}",
    response_model=ModelCard,
    responses=FIGURE_PROBLEMS | UNKNOWN_VERSION,
    summary="One version with its card",
)
async def read_model_version(model: ModelName, version: VersionNumber, _: NoParameters, database: Reader) -> Response:
    """Returns a version with its card: purpose, data, method, limits, inputs with units and ranges, outputs."""
    return _changing(await find_version(database, model, version))


@router.get(
    "/api/models/{model}/history",
    response_model=ModelHistory,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="What became of versions, and which was in production when",
)
async def read_model_history(
    model: ModelName, parameters: Annotated[HistoryParameters, Query()], database: Reader
) -> Response:
    """Returns every change with author, reason and back-test. `at=2026-05-01T12:00Z`: what was in production then."""
    given = {"model": model, "at": parameters.at, "limit": parameters.limit}
    is_known, version, transitions, aliases = await database.fetch_row(queries.HISTORY, given)
    _check_known(is_known, model)
    return _changing({"model": model, "in_production": version, "transitions": transitions, "aliases": aliases})


@router.get(
    "/api/models/{model}/accuracy",
    response_model=ModelAccuracy,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="How right predictions were",
)
async def read_model_accuracy(
    model: ModelName, parameters: Annotated[AccuracyOfModelParameters, Query()], database: Reader
) -> Response:
    """Returns the errors of predictions whose truth has arrived, beside those of the median of the group."""
    given = {"model": model, "weeks": parameters.weeks}
    is_known, tracked, weeks = await database.fetch_row(queries.ACCURACY, given)
    _check_known(is_known, model)
    return _changing({"model": model, "tracked": tracked, "weeks": weeks})


@router.get(
    "/api/models/{model}/predictions",
    response_model=ModelPredictions,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="Predictions, the riskiest first",
)
async def list_model_predictions(
    model: ModelName, parameters: Annotated[PredictionParameters, Query()], database: Reader
) -> Response:
    """Returns what was predicted of records that are on their way, by their risk of being late; or of finished ones."""
    given = {
        "model": model,
        "is_open": parameters.open,
        "least_risk": parameters.least_risk,
        "limit": parameters.limit,
    }
    is_known, total, found = await database.fetch_row(queries.PREDICTIONS, given)
    _check_known(is_known, model)
    return _changing({"model": model, "total": total, "predictions": found})


@router.get(
    "/api/models/{model}/odd",
    response_model=OddValues,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="What is odd now, with the reason",
)
async def list_odd_values(
    model: ModelName, parameters: Annotated[OddParameters, Query()], database: Reader
) -> Response:
    """Returns records of the last 90 days and groups of the last 28 whose value is far from what is usual."""
    given = {"model": model, "limit": parameters.limit}
    is_known, total, found = await database.fetch_row(queries.ODD_VALUES, given)
    _check_known(is_known, model)
    return _changing({"model": model, "total": total, "odd_values": found})


async def find_version(database: Database, model: str, version: int | None) -> dict[str, Any]:
    """A version with its card; that in production if none is named.

    Raises:
        Problem: 404, there is no such model or version.
    """
    is_known, found = await database.fetch_row(queries.ONE_VERSION, {"model": model, "version": version})
    _check_known(is_known, model)
    if found is None:
        raise unknown_version(model, version)
    assert isinstance(found, dict)
    return found


def _check_known(is_known: bool, model: str) -> None:
    if not is_known:
        raise unknown_model(model)


def unknown_model(model: str) -> Problem:
    """The response to an unknown model."""
    detail = f"There is no model {model}, or it was not trained yet. /api/models lists all models."
    return Problem(404, "unknown-model", "Unknown model", detail)


def unknown_version(model: str, version: int | None) -> Problem:
    """The response to a version that does not exist."""
    which = "no version in production" if version is None else f"no version {version}"
    detail = f"The model {model} has {which}. /api/models/{model} lists its versions."
    return Problem(404, "unknown-version", "Unknown version", detail)


def _changing(document: dict[str, Any]) -> Response:
    """What changes within a data version is not kept."""
    return versioned_response(json.dumps(document, ensure_ascii=False, separators=(",", ":")), None)
