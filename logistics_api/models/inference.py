"""/v2: the Open Inference Protocol over HTTP, version 2 (KServe): health, metadata, and predictions at once.

A thin layer, for clients and load tools that know the protocol: inputs are tensors with one value per record, named as
the version's inputs; outputs are tensors named as the members of predictions. Versions that are documents of our own
are answered here; others predict new records in the pipeline.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.changes import json_body, schema_of, uncached
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.models import queries
from logistics_api.models.endpoints import ModelName, unknown_model, unknown_version
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import Text
from logistics_core.models.answers import DocumentModel, answer, read_document
from logistics_core.models.artefacts import ArtefactError, ArtefactFormat, check_artefact
from logistics_core.models.durations import DurationModel

MOST_ROWS = 10_000
"""Of one request: some 50 ms. Jobs take more."""
KEPT_MODELS = 16

router = Router(tags=["inference"])

VersionText = Annotated[str, Path(pattern="^[1-9][0-9]{0,8}$", description="A version", examples=["1"])]
UNKNOWN: Responses = {404: problem_response("The model or the version does not exist")}
REFUSED: Responses = (
    FIGURE_PROBLEMS
    | UNKNOWN
    | {
        409: problem_response("The version predicts in the pipeline alone"),
        413: problem_response("The body is too large"),
    }
)


class Tensor(BaseModel):
    """A named array of values."""

    model_config = ConfigDict(extra="forbid")

    name: Text = Field(examples=["origin"])
    shape: list[Annotated[int, Field(ge=0, le=MOST_ROWS)]] = Field(min_length=1, max_length=2, examples=[[1]])
    datatype: Literal["BYTES", "FP64", "FP32", "INT64", "INT32", "BOOL"] = Field(examples=["BYTES"])
    parameters: dict[str, Any] = {}
    data: list[Any] = Field(examples=[["Aachen"]])


class RequestedOutput(BaseModel):
    """An output that is wanted."""

    model_config = ConfigDict(extra="forbid")

    name: Text = Field(examples=["late_risk"])
    parameters: dict[str, Any] = {}


class InferenceRequest(BaseModel):
    """A request of the protocol."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(max_length=200)] | None = None
    parameters: dict[str, Any] = {}
    inputs: list[Tensor] = Field(min_length=1, max_length=64)
    outputs: list[RequestedOutput] = Field([], max_length=64)


class InferenceResponse(BaseModel):
    """A response of the protocol."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[dict[str, Any]]


class Health(BaseModel):
    """Whether the server, or a model, answers."""

    live: bool | None = None
    ready: bool | None = None


class ServerMetadata(BaseModel):
    """The server."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """An input or output of a model."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model or one of its versions."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


BODY = json_body(schema_of(InferenceRequest))


@router.get("/v2", response_model=ServerMetadata, summary="The server, as the protocol describes it")
async def read_inference_server(_: NoParameters, request: Request) -> Response:
    """Returns name and version of the server."""
    return JSONResponse({"name": "logistics", "version": request.app.version, "extensions": []})


@router.get("/v2/health/live", response_model=Health, summary="Whether the server runs")
async def read_inference_live(_: NoParameters) -> Response:
    """Returns 200 as long as the process answers."""
    return JSONResponse({"live": True})


@router.get(
    "/v2/health/ready",
    response_model=Health,
    responses={503: {"description": "The database is unavailable"}},
    summary="Whether predictions can be asked for",
)
async def read_inference_ready(_: NoParameters, database: Reader) -> Response:
    """Returns 200 if the database can be reached, 503 otherwise."""
    is_ready = database.freshness.reachable
    return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)


@router.get("/v2/models/{model}", response_model=ModelMetadata, responses=FIGURE_PROBLEMS | UNKNOWN, summary="A model")
async def read_inference_model(model: ModelName, _: NoParameters, request: Request, database: Reader) -> Response:
    """Returns inputs and outputs of the version in production."""
    return _metadata(await _find(request, database, model, None), model)


@router.get(
    "/v2/models/{model}/versions/{version}",
    response_model=ModelMetadata,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="A version of a model",
)
async def read_inference_version(
    model: ModelName, version: VersionText, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns inputs and outputs of a version."""
    return _metadata(await _find(request, database, model, int(version)), model)


@router.get(
    "/v2/models/{model}/ready",
    response_model=Health,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="Whether a model answers",
)
async def read_inference_model_ready(model: ModelName, _: NoParameters, request: Request, database: Reader) -> Response:
    """Returns 200 if a version is in production that answers here."""
    found = await _find(request, database, model, None)
    is_ready = found.model is not None
    return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)


@router.post(
    "/v2/models/{model}/infer",
    response_model=InferenceResponse,
    responses=REFUSED,
    openapi_extra=BODY,
    summary="Predictions at once",
)
async def infer(model: ModelName, _: NoParameters, request: Request, database: Reader) -> Response:
    """Predicts up to 10,000 records by the version in production."""
    return await _infer(model, None, request, database)


@router.post(
    "/v2/models/{model}/versions/{version}/infer",
    response_model=InferenceResponse,
    responses=REFUSED,
    openapi_extra=BODY,
    summary="Predictions at once by a version",
)
async def infer_by_version(
    model: ModelName, version: VersionText, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Predicts up to 10,000 records by a version, in production or not."""
    return await _infer(model, int(version), request, database)


# -- versions --------------------------------------------------------------------------------------------------------


class _Found:
    """A version as the database has it now, with its document if it is one."""

    def __init__(self, row: Sequence[Any], model: DocumentModel | None) -> None:
        self.version, self.kind, self.format, self.inputs = int(row[1]), str(row[2]), str(row[4]), row[7]
        self.model = model


async def _find(request: Request, database: Database, name: str, version: int | None) -> _Found:
    """The version; documents that were read already are kept by their SHA-256, which is compared with each request.

    Raises:
        Problem: 404, there is no such model or version; 500, its artefact was changed.
    """
    kept: dict[tuple[str, int | None], tuple[str, DocumentModel]] = request.app.state.model_documents
    known = kept.get((name, version))
    row = await database.fetch_row(queries.ARTEFACT, {"model": name, "version": version, "known": known and known[0]})
    if not row[0]:
        raise unknown_model(name)
    if row[1] is None:
        raise unknown_version(name, version)
    if row[4] != ArtefactFormat.JSON:
        return _Found(row, None)
    if known is not None and known[0] == row[5]:
        return _Found(row, known[1])
    if row[6] is None:
        detail = f"The artefact of version {row[1]} of {name} was deleted, as it was archived long ago."
        raise Problem(404, "unknown-version", "Unknown version", detail)
    document = await asyncio.to_thread(_read, name, row)
    if len(kept) >= KEPT_MODELS:
        kept.pop(next(iter(kept)))
    kept[(name, version)] = (row[5], document)
    return _Found(row, document)


def _read(name: str, row: Sequence[Any]) -> DocumentModel:
    try:
        check_artefact(bytes(row[6]), row[5], f"version {row[1]} of {name}")
        return read_document(row[2], row[4], bytes(row[6]))
    except ArtefactError as error:
        raise Problem(500, "damaged-model", "Damaged model", str(error)) from error


def _metadata(found: _Found, name: str) -> Response:
    document = {
        "name": name,
        "versions": [str(found.version)],
        "platform": f"logistics_{found.format.replace('-', '_')}",
        "inputs": [
            {"name": each["name"], "datatype": _DATATYPES.get(each["type"], "BYTES"), "shape": [-1]}
            for each in [*found.inputs, *_value_of(found)]
        ],
        "outputs": [{"name": name, "datatype": kind, "shape": shape} for name, kind, shape in _outputs_of(found)],
    }
    return uncached(document)


_DATATYPES: Mapping[str, str] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}


def _value_of(found: _Found) -> list[dict[str, str]]:
    """A model of odd values takes in the value as well."""
    if found.model is None or isinstance(found.model, DurationModel):
        return []
    return [{"name": found.model.document.field, "type": "number"}]


def _outputs_of(found: _Found) -> list[tuple[str, str, list[int]]]:
    if found.kind == "duration":
        probabilities = 7 if found.model is None else len(getattr(found.model.document, "probabilities", ()))
        return [
            ("quantiles", "FP64", [-1, probabilities]),
            ("promise", "FP64", [-1]),
            ("late_risk", "FP64", [-1]),
            ("naive", "FP64", [-1]),
            ("seen", "INT64", [-1]),
        ]
    return [
        ("expected", "FP64", [-1]),
        ("effect", "FP64", [-1]),
        ("score", "FP64", [-1]),
        ("is_odd", "BOOL", [-1]),
        ("seen", "INT64", [-1]),
    ]


# -- predictions -----------------------------------------------------------------------------------------------------


async def _infer(name: str, version: int | None, request: Request, database: Database) -> Response:
    asked = await read_json(request, InferenceRequest)
    found = await _find(request, database, name, version)
    if found.model is None:
        detail = (
            f"Version {found.version} of {name} has the format {found.format}, which predicts in the pipeline alone."
        )
        raise Problem(409, "not-answered-here", "Not possible", detail)
    rows = _rows(asked.inputs)
    outputs = _wanted(asked.outputs, _outputs_of(found))
    document = found.model
    answers = await asyncio.to_thread(lambda: [answer(document, row) for row in rows])
    for number, each in enumerate(answers):
        if "error" in each:
            raise Problem(422, "invalid-body", "Invalid body", f"Record {number} of inputs: {each['error']}")
    tensors = [
        {"name": each, "datatype": kind, "shape": [len(rows), *shape[1:]], "data": _flat(answers, each)}
        for each, kind, shape in outputs
    ]
    body = {"model_name": name, "model_version": str(found.version), "outputs": tensors}
    return JSONResponse(
        body | ({"id": asked.id} if asked.id is not None else {}), headers={"Cache-Control": "no-store"}
    )


def _rows(inputs: Sequence[Tensor]) -> list[dict[str, Any]]:
    """One object per record. Tensors have one value for each, in the shape [records] or [records, 1]."""
    records = inputs[0].shape[0]
    columns: dict[str, list[Any]] = {}
    for each in inputs:
        if each.shape not in ([records], [records, 1]) or len(each.data) != records:
            raise _wrong(each.name, f"{records} values in the shape [{records}], as the first input", str(each.shape))
        if each.name in columns:
            raise _wrong(each.name, "each input once", "it twice")
        columns[each.name] = [_value(each, value) for value in each.data]
    return [{name: values[number] for name, values in columns.items()} for number in range(records)]


_LARGEST: Mapping[str, int] = {"INT64": 2**63 - 1, "INT32": 2**31 - 1}


def _value(tensor: Tensor, value: Any) -> Any:
    if value is None:
        return None
    if tensor.datatype == "BYTES":
        is_right = isinstance(value, str)
    elif tensor.datatype == "BOOL":
        is_right = isinstance(value, bool)
    elif tensor.datatype in _LARGEST:
        is_right = type(value) is int and -_LARGEST[tensor.datatype] - 1 <= value <= _LARGEST[tensor.datatype]
    else:
        is_right = isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    if not is_right:
        raise _wrong(tensor.name, f"values of the datatype {tensor.datatype}", repr(value)[:100])
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _wanted(
    asked: Sequence[RequestedOutput], there: list[tuple[str, str, list[int]]]
) -> list[tuple[str, str, list[int]]]:
    if not asked:
        return there
    by_name = {each[0]: each for each in there}
    for each in asked:
        if each.name not in by_name:
            raise _wrong("outputs", f"one of {', '.join(by_name)}", each.name)
    return [by_name[each.name] for each in asked]


def _flat(answers: Sequence[dict[str, Any]], name: str) -> list[Any]:
    values = [each[name] for each in answers]
    return [part for each in values for part in each] if name == "quantiles" else values


def _wrong(name: str, expected: str, found: str) -> Problem:
    return Problem(422, "invalid-body", "Invalid body", f"Input {name}: expected {expected}; found {found}.")
