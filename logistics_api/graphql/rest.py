"""Documents of REST as fields of the root: the same parameters and members, of which a selection takes parts.

Types come from the models that REST declares, with their descriptions.
"""

import json
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec
from fastapi import Request, Response
from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from starlette.datastructures import URL

from logistics_api.contract_requests.requests import check_proposal, make_request, read_request
from logistics_api.contract_requests.schemas import ContractRequest
from logistics_api.contracts.endpoints import list_contracts
from logistics_api.contracts.schemas import DatasetContracts, ProposalAnswers
from logistics_api.datasets.descriptions import below, describe
from logistics_api.datasets.schemas import Datasets
from logistics_api.errors import ParameterError, refused_parameter, refused_parameters
from logistics_api.forecasts.endpoints import list_forecasts, read_forecast_accuracy, read_forecasts
from logistics_api.forecasts.parameters import AccuracyParameters, ForecastParameters
from logistics_api.forecasts.schemas import AccuracyAnswer, ForecastAnswer, ForecastCatalogue
from logistics_api.graphql.compiling import TYPE_NAME, RootField, Selection
from logistics_api.graphql.meanings import RestDocument, meaning_of
from logistics_api.graphql.names import camel
from logistics_api.graphql.scalars import BIG_INT, DATE, DATE_TIME, DECIMAL, JSON
from logistics_api.graphql.schema import field_of
from logistics_api.history.endpoints import read_figure_history, read_timeline_of
from logistics_api.history.schemas import FigureHistory, FigureParameters, RecordHistory, TimelineParameters
from logistics_api.http.context import context_of
from logistics_api.ingestion.endpoints import list_files, list_rejects
from logistics_api.ingestion.file_schemas import Files
from logistics_api.ingestion.parameters import FileParameters, RejectParameters
from logistics_api.ingestion.reject_schemas import Rejects
from logistics_api.metrics.endpoints import read_key_figures
from logistics_api.metrics.key_figures import KeyFigureParameters
from logistics_api.metrics.schemas import KeyFigures
from logistics_api.models.endpoints import (
    MODEL_PATTERN,
    OddParameters,
    PredictionParameters,
    list_model_predictions,
    list_models,
    list_odd_values,
    read_model_history,
    unknown_model,
)
from logistics_api.models.endpoints import HistoryParameters as ModelHistoryParameters
from logistics_api.models.schemas import ModelHistory, ModelList, ModelPredictions, OddValues
from logistics_api.parameters.datasets import dataset_of
from logistics_api.parameters.date_range import NothingElse
from logistics_api.quality.endpoints import read_quality
from logistics_api.quality.schemas import QualityOfDatasets
from logistics_api.sources.endpoints import list_sources
from logistics_api.sources.schemas import Sources
from logistics_core.database_contract.contracts import ContractAction

USUAL_ENTRIES = 100

_JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Loaded:
    """A document, and what it may be kept as."""

    value: Any
    data_version: str | None = None
    """The data version that the response of REST declares."""
    is_stored: bool = True
    """Whether it stays the same within that version."""


Load = Callable[[Request, Mapping[str, Any]], Any]


# -- types -------------------------------------------------------------------------------------------------------------

_SCALARS: Mapping[type, Any] = {
    bool: GraphQLBoolean,
    int: BIG_INT,
    float: GraphQLFloat,
    Decimal: DECIMAL,
    datetime: DATE_TIME,
    date: DATE,
    str: GraphQLString,
    UUID: GraphQLString,
}


@cache
def object_type(model: type[BaseModel]) -> GraphQLObjectType:
    """The type of a document of REST."""
    title = model.__name__.lstrip("_")
    return GraphQLObjectType(title, lambda: _members(model), description=_first_line(model.__doc__))


def _members(model: type[BaseModel]) -> dict[str, GraphQLField]:
    return {
        camel(field.alias or name): field_of(_output_type(field.annotation), None, field.description, None)
        for name, field in model.model_fields.items()
    }


def _output_type(annotation: Any) -> Any:
    inner, is_optional = _without_none(annotation)
    found = _named_output(inner)
    return found if is_optional else GraphQLNonNull(found)


def _named_output(annotation: Any) -> Any:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _named_output(get_args(annotation)[0])
    if origin is list:
        return GraphQLList(_output_type(get_args(annotation)[0]))
    if origin is Literal:
        return GraphQLString
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return object_type(annotation)
        if issubclass(annotation, Enum):
            return GraphQLString
        return next((scalar for type_, scalar in _SCALARS.items() if issubclass(annotation, type_)), JSON)
    return JSON


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        members = [each for each in get_args(annotation) if each is not type(None)]
        is_optional = len(members) < len(get_args(annotation))
        return (members[0] if len(members) == 1 else object), is_optional
    return annotation, False


def _arguments(model: type[BaseModel]) -> dict[str, GraphQLArgument]:
    """The arguments of a list: REST's query parameters. Its values are checked as REST checks them."""
    return {
        camel(name): GraphQLArgument(_input_type(field), description=field.description, out_name=name)
        for name, field in model.model_fields.items()
    }


def _input_type(field: FieldInfo) -> Any:
    annotation, _ = _without_none(field.annotation)
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    found: Any = GraphQLString
    if get_origin(annotation) is list:
        found = GraphQLList(GraphQLNonNull(GraphQLString))
    elif annotation is bool:
        found = GraphQLBoolean
    elif annotation is int:
        found = GraphQLInt
    return GraphQLNonNull(found) if field.is_required() else found


def _first_line(text: str | None) -> str | None:
    return text.strip().split("\n\n")[0].replace("\n    ", " ") if text else None


# -- loading -----------------------------------------------------------------------------------------------------------


class _RestRequest:
    """The request as the path of REST would see it."""

    def __init__(self, request: Request, path: str) -> None:
        self.app, self.scope, self.state, self.url = request.app, request.scope, request.state, URL(path)


def checked(model: type[BaseModel], arguments: Mapping[str, Any]) -> Any:
    """The query parameters of REST that arguments stand for.

    Raises:
        Problem: 422, REST would refuse them.
    """
    given = {name: _as_parameter(value) for name, value in arguments.items() if value is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise refused_parameters(
            [
                ParameterError(
                    parameter=camel(str(found["loc"][0])),
                    location="arguments",
                    expected=str(found["msg"]).removeprefix("Input should be "),
                    found=str(found["input"])[:200],
                )
                for found in error.errors(include_url=False)
            ]
        ) from error


def _as_parameter(value: Any) -> Any:
    """Numbers are text in a query."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _of_response(response: Response) -> Loaded:
    document = json.loads(bytes(response.body), parse_float=Decimal)
    is_stored = response.headers.get("cache-control") != "no-store"
    return Loaded(document, response.headers.get("data-version"), is_stored)


def _list(path: str, model: type[BaseModel], endpoint: Callable[..., Any]) -> Load:
    async def load(request: Request, arguments: Mapping[str, Any]) -> Loaded:
        parameters = checked(model, arguments)
        return _of_response(await endpoint(parameters, _RestRequest(request, path), request.app.state.database))

    return load


async def _load_datasets(request: Request, _: Mapping[str, Any]) -> Loaded:
    state = request.app.state
    described = below(context_of(request.scope).prefix, describe(state.catalogue, state.settings.currency))
    return Loaded(described.model_dump(mode="json")["datasets"])


async def _load_contracts(request: Request, _: Mapping[str, Any]) -> Loaded:
    response = await list_contracts(NothingElse(), request, request.app.state.database)
    return Loaded(json.loads(bytes(response.body))["datasets"])


async def _load_quality(request: Request, _: Mapping[str, Any]) -> Loaded:
    return _of_response(await read_quality(NothingElse(), request, request.app.state.database))


async def _load_sources(request: Request, _: Mapping[str, Any]) -> Loaded:
    found = _of_response(await list_sources(NothingElse(), request, request.app.state.database))
    return Loaded(found.value["sources"], found.data_version, found.is_stored)


async def _load_forecasts(request: Request, _: Mapping[str, Any]) -> Loaded:
    found = _of_response(await list_forecasts(NothingElse(), request, request.app.state.database))
    return Loaded(found.value["datasets"], found.data_version, found.is_stored)


async def _load_forecast(request: Request, arguments: Mapping[str, Any]) -> Loaded:
    others = {name: value for name, value in arguments.items() if name != "dataset"}
    parameters = checked(ForecastParameters, others)
    return _of_response(await read_forecasts(arguments["dataset"], parameters, request, request.app.state.database))


async def _load_forecast_accuracy(request: Request, arguments: Mapping[str, Any]) -> Loaded:
    parameters = checked(AccuracyParameters, arguments)
    return _of_response(await read_forecast_accuracy(parameters, request, request.app.state.database))


async def _load_models(request: Request, _: Mapping[str, Any]) -> Loaded:
    found = _of_response(await list_models(NothingElse(), request.app.state.database))
    return Loaded(found.value["models"], found.data_version, found.is_stored)


def _of_model(parameters: type[BaseModel], endpoint: Callable[..., Any]) -> Load:
    async def load(request: Request, arguments: Mapping[str, Any]) -> Loaded:
        given = checked(parameters, {name: value for name, value in arguments.items() if name != "model"})
        name = arguments["model"]
        if not re.fullmatch(MODEL_PATTERN, name):
            raise unknown_model(name)
        return _of_response(await endpoint(name, given, request.app.state.database))

    return load


async def _load_record_history(request: Request, arguments: Mapping[str, Any]) -> Loaded:
    paging = {name: arguments.get(name) for name in ("limit", "cursor")}
    parameters = checked(TimelineParameters, paging)
    dataset = dataset_of(request, arguments["dataset"])
    found = await read_timeline_of(request.app.state.database, dataset, arguments["key"], parameters)
    return Loaded(json.loads(found, parse_float=Decimal), is_stored=False)


async def _load_figure_history(request: Request, arguments: Mapping[str, Any]) -> Loaded:
    parameters = checked(FigureParameters, {name: each for name, each in arguments.items() if name != "dataset"})
    state = request.app.state
    response = await read_figure_history(arguments["dataset"], parameters, request, state.database, state.rollups)
    return _of_response(response)


async def _load_key_figures(request: Request, arguments: Mapping[str, Any]) -> Loaded:
    parameters = checked(KeyFigureParameters, arguments)
    state = request.app.state
    response = await read_key_figures(parameters, request, state.database, state.rollups)
    return _of_response(response)


async def _accept_contract(request: Request, arguments: Mapping[str, Any]) -> Loaded:
    return await _request_action(request, arguments, ContractAction.ACCEPT, None)


async def _answer_question(request: Request, arguments: Mapping[str, Any]) -> Loaded:
    given = {arguments["question"]: arguments["answer"]}
    answers = checked(ProposalAnswers, {"by_kind" if arguments.get("allOfKind") else "answers": given})
    return await _request_action(request, arguments, ContractAction.ANSWER, answers.model_dump(exclude_defaults=True))


async def _request_action(
    request: Request, arguments: Mapping[str, Any], action: ContractAction, argument: Mapping[str, Any] | None
) -> Loaded:
    database = request.app.state.database
    try:
        proposal_id = UUID(arguments["proposalId"])
    except ValueError:
        found = str(arguments["proposalId"])[:200]
        raise refused_parameter("proposalId", "the ID of a proposal, a UUID", found, "arguments") from None
    await check_proposal(database, proposal_id, action)
    request_id = await make_request(request, database, action, proposal_id=proposal_id, argument=argument)
    return Loaded(await read_request(database, request_id, context_of(request.scope).prefix))


# -- fields ------------------------------------------------------------------------------------------------------------


_DATASET = GraphQLArgument(GraphQLNonNull(GraphQLString), description="A dataset by its name")
PERIODS_OF_A_SERIES = 40
"""What a forecast of a series counts for: about as many periods as it has."""


_MODEL = {"model": GraphQLArgument(GraphQLNonNull(GraphQLString), description="A model by its name")}


def _document(
    type_: Any,
    load: Load,
    operation: str,
    description: str,
    arguments: dict[str, GraphQLArgument] | None = None,
    rows: int = 1,
) -> Any:
    return field_of(GraphQLNonNull(type_), RestDocument(load, operation, rows=rows), description, arguments)


def _all_of(model: type[BaseModel]) -> Any:
    """The list that a document consists of."""
    (field,) = model.model_fields.values()
    return _named_output(field.annotation)


def queries() -> dict[str, GraphQLField]:
    """The fields that answer what REST answers."""
    return {
        "datasets": _document(
            _all_of(Datasets), _load_datasets, "read_datasets", "The datasets and the fields of their records"
        ),
        "contracts": _document(
            _all_of(DatasetContracts),
            _load_contracts,
            "list_contracts",
            "The datasets that have a contract, with the version in force",
        ),
        "quality": _document(
            object_type(QualityOfDatasets), _load_quality, "read_quality", "The quality of all datasets"
        ),
        "files": _document(
            object_type(Files),
            _list("/api/ingestion/files", FileParameters, list_files),
            "list_files",
            "Files and how far they are, newest first",
            _arguments(FileParameters),
        ),
        "rejects": _document(
            object_type(Rejects),
            _list("/api/ingestion/rejects", RejectParameters, list_rejects),
            "list_rejects",
            "Rejected records by file and record",
            _arguments(RejectParameters),
        ),
        "sources": _document(
            _all_of(Sources),
            _load_sources,
            "list_sources",
            "The systems that data are pulled from, and how their pulls are doing",
        ),
        "forecasts": _document(
            _all_of(ForecastCatalogue),
            _load_forecasts,
            "list_forecasts",
            "What is forecast, with the newest fit of each",
        ),
        "forecast": _document(
            object_type(ForecastAnswer),
            _load_forecast,
            "read_forecasts",
            "Forecasts of a metric with their quantiles, beside what came true",
            {
                "dataset": _DATASET,
                **{name: each for name, each in _arguments(ForecastParameters).items() if name != "format"},
            },
            rows=PERIODS_OF_A_SERIES,
        ),
        "forecastAccuracy": _document(
            object_type(AccuracyAnswer),
            _load_forecast_accuracy,
            "read_forecast_accuracy",
            "How right forecasts were, by periods ahead and over time",
            _arguments(AccuracyParameters),
        ),
        "models": _document(
            _all_of(ModelList), _load_models, "list_models", "Models, with the version in production and its record"
        ),
        "modelHistory": _document(
            object_type(ModelHistory),
            _of_model(ModelHistoryParameters, read_model_history),
            "read_model_history",
            "What became of the versions of a model, and which was in production when",
            _MODEL | _arguments(ModelHistoryParameters),
        ),
        "modelPredictions": _document(
            object_type(ModelPredictions),
            _of_model(PredictionParameters, list_model_predictions),
            "list_model_predictions",
            "What is predicted of records, the riskiest first",
            _MODEL | _arguments(PredictionParameters),
        ),
        "oddValues": _document(
            object_type(OddValues),
            _of_model(OddParameters, list_odd_values),
            "list_odd_values",
            "What a model finds odd now, with the reason",
            _MODEL | _arguments(OddParameters),
        ),
        "recordHistory": _document(
            object_type(RecordHistory),
            _load_record_history,
            "read_record_history",
            "The versions of one record, the newest first, with what each changed",
            {
                "dataset": _DATASET,
                "key": GraphQLArgument(
                    GraphQLNonNull(GraphQLList(GraphQLNonNull(GraphQLString))),
                    description="The values of its key, in the order of the contract",
                ),
                **_arguments(TimelineParameters),
            },
        ),
        "figureHistory": _document(
            object_type(FigureHistory),
            _load_figure_history,
            "read_figure_history",
            "What figures were and are, and the files that changed them",
            {"dataset": _DATASET, **_arguments(FigureParameters)},
        ),
        "kpi": _document(
            object_type(KeyFigures),
            _load_key_figures,
            "read_key_figures",
            "Key figures of any datasets, with their change and their course",
            _arguments(KeyFigureParameters),
        ),
    }


def mutations() -> dict[str, GraphQLField]:
    """The changes that can be made: decisions about contracts, as requests to the pipeline."""
    text = GraphQLNonNull(GraphQLString)
    request = GraphQLNonNull(object_type(ContractRequest))
    proposal = GraphQLArgument(text, description="ID of the proposal")
    return {
        "acceptContract": field_of(
            request,
            RestDocument(_accept_contract, "accept_proposal", is_change=True),
            "Requests that the contract of a proposal comes into force",
            {"proposalId": proposal},
        ),
        "answerQuestion": field_of(
            request,
            RestDocument(_answer_question, "answer_proposal", is_change=True),
            "Requests that a question of a proposal is answered",
            {
                "proposalId": proposal,
                "question": GraphQLArgument(text, description="Its id or, with allOfKind, its kind"),
                "answer": GraphQLArgument(text, description="One of its answers"),
                "allOfKind": GraphQLArgument(
                    GraphQLBoolean, False, description="Whether the answer is that of all questions of this kind"
                ),
            },
        ),
    }


# -- answers -----------------------------------------------------------------------------------------------------------


def cost_of(root: RootField, selection: Selection) -> int:
    """Entries asked for × the rows of each × their fields."""
    given = selection.arguments(root.field, root.nodes[0])
    entries = given.get("limit") or USUAL_ENTRIES
    meaning = meaning_of(root.field)
    rows = meaning.rows if isinstance(meaning, RestDocument) else 1
    return int(entries) * rows * _leaves(get_named_type(root.field.type), root.nodes, selection)


def _leaves(type_: Any, nodes: Sequence[FieldNode], selection: Selection) -> int:
    if is_leaf_type(type_):
        return 1
    found = selection.of_fields(type_, nodes).values()
    return max(1, sum(_leaves(below, each, selection) for below, each in _below(type_, found)))


def _below(type_: GraphQLObjectType, found: Any) -> Iterator[tuple[Any, Sequence[FieldNode]]]:
    for nodes in found:
        name = nodes[0].name.value
        yield (GraphQLString if name == TYPE_NAME else get_named_type(type_.fields[name].type)), nodes


async def answer_document(root: RootField, selection: Selection, request: Request) -> tuple[str, Loaded]:
    """What the selection takes of a document, as JSON, and the document.

    Raises:
        Problem: as the path of REST.
    """
    meaning = meaning_of(root.field)
    assert isinstance(meaning, RestDocument)
    loaded = await meaning.load(request, selection.arguments(root.field, root.nodes[0]))
    assert isinstance(loaded, Loaded)
    return _JSON.encode(_taken(root.field.type, root.nodes, loaded.value, selection)).decode(), loaded


def _taken(type_: Any, nodes: Sequence[FieldNode], value: Any, selection: Selection) -> Any:
    if is_non_null_type(type_):
        type_ = type_.of_type
    if value is None:
        return None
    if is_list_type(type_):
        return [_taken(type_.of_type, nodes, each, selection) for each in value]
    if is_leaf_type(type_):
        return value
    members = {}
    for key, found in selection.of_fields(type_, nodes).items():
        name = found[0].name.value
        if name == TYPE_NAME:
            members[key] = type_.name
        else:
            members[key] = _taken(type_.fields[name].type, found, _member(value, name), selection)
    return members


def _member(value: Mapping[str, Any], name: str) -> Any:
    """A member by its name in GraphQL."""
    if name in value:
        return value[name]
    return next((found for written, found in value.items() if camel(written) == name), None)
