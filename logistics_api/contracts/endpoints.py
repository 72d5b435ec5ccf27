"""/api/contracts: contracts and their versions, proposals, and requests to the pipeline about them.

Nothing is decided here: a request is a row that the pipeline's watch of contracts finds and serves. That is all that
the API can write; a file that is sent is stored as uploads are.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import Field

from logistics_api.contract_requests.requests import check_proposal, read_request, request_action, unknown_proposal
from logistics_api.contract_requests.schemas import ContractRequest
from logistics_api.contracts import documents, queries
from logistics_api.contracts.bodies import read_json, read_text
from logistics_api.contracts.proposals import proposal_document, summary_document
from logistics_api.contracts.schemas import (
    ContractParameters,
    ContractProposal,
    ContractProposals,
    DatasetContract,
    DatasetContracts,
    FileToPropose,
    ProposalAnswers,
    ProposalParameters,
    ProposedFile,
)
from logistics_api.contracts.sent_files import check_path, store_file
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.context import context_of
from logistics_api.http.responses import DATABASE_PROBLEMS, FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS, DatasetName
from logistics_api.uploads.endpoints import UPLOAD_PROBLEMS
from logistics_core.catalogue import ContractError
from logistics_core.catalogue.contract_files import BUILT_IN, MAX_FILE_BYTES, contract_from_document, read_document
from logistics_core.database_contract.contracts import ContractAction

router = Router(tags=["contracts"])

ProposalId = Annotated[UUID, Path(description="Proposal ID", examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"])]
RequestId = Annotated[
    int, Field(ge=1, le=9_223_372_036_854_775_807, description="ID of a request", examples=[17]), DIGITS
]
Name = Annotated[DatasetName, Path(description="Name of a dataset", examples=["shipments"])]

LOCATION = {"Location": {"description": "Address of the request", "schema": {"type": "string"}}}
UNKNOWN_PROPOSAL: Responses = {404: problem_response("The proposal does not exist")}
REQUEST_PROBLEMS: Responses = DATABASE_PROBLEMS | {
    404: problem_response("The proposal or the dataset does not exist"),
    409: problem_response("The action makes no sense for it as it is now"),
    413: problem_response("The body is too large"),
    422: problem_response("A parameter or the body is invalid"),
    501: problem_response("The API is connected to a read-only copy of the database"),
}
ACCEPTED: dict[str, Any] = {
    "response_model": ContractRequest,
    "status_code": 202,
    "responses": REQUEST_PROBLEMS | {202: {"description": "The request waits for the pipeline", "headers": LOCATION}},
}


def _body(media_type: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    content = {media_type: {"schema": schema}}
    return {"requestBody": {"required": True, "description": description, "content": content}}


_JSON_FILE = {"title": "JSON file", "description": "With `filename`: the file itself"}
_FILE_OR_PATH = {
    "requestBody": {
        "required": True,
        "description": "With `filename`: the file itself, JSON, NDJSON or CSV, plain, .gz or .zst. Without it: JSON "
        "that names a file of the raw folder.",
        "content": {
            "application/json": {"schema": {"anyOf": [FileToPropose.model_json_schema(), _JSON_FILE]}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}},
        },
    }
}


# -- proposals -------------------------------------------------------------------------------------------------------


@router.post(
    "/api/contracts/proposals",
    summary="Propose a contract for a file",
    openapi_extra=_FILE_OR_PATH,
    **ACCEPTED
    | {
        "responses": UPLOAD_PROBLEMS
        | ACCEPTED["responses"]
        | {409: problem_response("Another file has this name, or the file belongs to a dataset already")}
    },
)
async def propose_contract(query: Annotated[ProposedFile, Query()], request: Request, database: Reader) -> Response:
    """Requests a contract for a file of unknown shape: one that is sent, or one that is in the raw folder already.

    A file that is sent is stored as an upload is, with the same limits and digests, and is loaded once its contract is
    accepted. The request leads to the proposal, as `proposal_url`, when it is done.
    """
    if query.filename is None:
        return await _propose_path(query, request, database)
    path = await store_file(request, database, query)
    return await request_action(request, database, ContractAction.PROPOSE, argument={"path": path})


async def _propose_path(query: ProposedFile, request: Request, database: Database) -> Response:
    if query.folder is not None or query.replace:
        raise Problem(
            422,
            "filename-missing",
            "File name missing",
            "`folder` and `replace` are for a file that is sent: name it with `filename`, or leave them out and send "
            'JSON: {"path": "fuel/2024-06.csv"}.',
        )
    wanted = await read_json(request, FileToPropose)
    check_path(wanted.path, request.app.state.catalogue)
    argument = wanted.model_dump(exclude_none=True)
    return await request_action(request, database, ContractAction.PROPOSE, argument=argument)


@router.get(
    "/api/contracts/proposals",
    response_model=ContractProposals,
    responses=FIGURE_PROBLEMS
    | {404: problem_response("The cursor is invalid or belongs to a request with other parameters")},
    summary="Proposals of contracts",
)
async def list_proposals(query: Annotated[ProposalParameters, Query()], request: Request, database: Reader) -> Response:
    """Returns the proposals, newest first."""
    filters = query.filters()
    fingerprint = cursors.fingerprint(request.url.path, "newest", filters)
    given, parameters = set(filters), filters | {"limit": query.limit}
    if query.cursor is not None:
        parameters["after_time"], parameters["after_id"] = _position(
            cursors.decode(fingerprint, query.cursor, [str, str])
        )
        given.add("after")
    found = await database.fetch_value(queries.proposals(given), parameters)
    prefix = context_of(request.scope).prefix
    items = [summary_document(each, prefix) for each in found[: query.limit]]
    last = items[-1] if len(found) > query.limit else None
    cursor = last and cursors.encode(fingerprint, [last["created_at"], last["proposal_id"]])
    return _response({"next_cursor": cursor, "items": items})


def _position(keys: list[cursors.Key]) -> tuple[str, str]:
    """The time and the ID in a cursor: anybody can make one."""
    try:
        return datetime.fromisoformat(str(keys[0])).isoformat(), str(UUID(str(keys[1])))
    except (ValueError, OverflowError) as error:
        raise cursors.unknown_cursor() from error


@router.get(
    "/api/contracts/proposals/{proposal_id}",
    response_model=ContractProposal,
    responses=FIGURE_PROBLEMS | UNKNOWN_PROPOSAL,
    summary="One proposal",
)
async def read_contract_proposal(
    proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns what was found in the file: columns with evidence, first records, questions, and the contract."""
    found = await database.fetch_value(queries.ONE_PROPOSAL, {"proposal_id": proposal_id})
    if found is None:
        raise unknown_proposal(proposal_id)
    return _response(proposal_document(found, context_of(request.scope).prefix))


@router.post(
    "/api/contracts/proposals/{proposal_id}/answers",
    summary="Answer questions of a proposal",
    openapi_extra=_body(
        "application/json", ProposalAnswers.model_json_schema(), "Answers by the id or the kind of the question"
    ),
    **ACCEPTED,
)
async def answer_proposal(proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Requests that questions are answered. An answer can be given again as long as the proposal is open."""
    body = await read_json(request, ProposalAnswers)
    await check_proposal(database, proposal_id, ContractAction.ANSWER)
    argument = body.model_dump(exclude_defaults=True)
    return await request_action(request, database, ContractAction.ANSWER, proposal_id=proposal_id, argument=argument)


@router.put(
    "/api/contracts/proposals/{proposal_id}/contract",
    summary="Edit the contract of a proposal",
    openapi_extra=_body("application/yaml", {"type": "object", "minProperties": 1}, "The whole contract, as YAML"),
    **ACCEPTED,
)
async def edit_proposal(proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Requests that another contract takes the place of the proposed one; it answers every question.

    A contract that cannot be read is refused at once, with the place and the reason.
    """
    text = await read_text(request, MAX_FILE_BYTES)
    await run_in_threadpool(_check_contract, text)
    await check_proposal(database, proposal_id, ContractAction.EDIT)
    return await request_action(
        request, database, ContractAction.EDIT, proposal_id=proposal_id, argument={"contract": text}
    )


def _check_contract(text: str) -> None:
    try:
        document = read_document(text, "The contract")
        contract_from_document(document.value, "The contract", document.places)
    except ContractError as error:
        raise Problem(422, "invalid-contract", "Invalid contract", str(error)) from error
    if "\0" in text:
        detail = "The contract holds the character NUL, which cannot be stored. Remove it."
        raise Problem(422, "invalid-contract", "Invalid contract", detail)


@router.post("/api/contracts/proposals/{proposal_id}/accept", summary="Accept a proposal", **ACCEPTED)
async def accept_proposal(proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Requests that the contract comes into force: its table is made, and files that wait for it are loaded."""
    await check_proposal(database, proposal_id, ContractAction.ACCEPT)
    return await request_action(request, database, ContractAction.ACCEPT, proposal_id=proposal_id)


@router.post("/api/contracts/proposals/{proposal_id}/dismiss", summary="Dismiss a proposal", **ACCEPTED)
async def dismiss_proposal(proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Requests that the proposal ends without a contract. Its file is not proposed again while it is unchanged."""
    await check_proposal(database, proposal_id, ContractAction.DISMISS)
    return await request_action(request, database, ContractAction.DISMISS, proposal_id=proposal_id)


@router.post("/api/contracts/proposals/{proposal_id}/dry-run", summary="Try the contract of a proposal", **ACCEPTED)
async def try_proposal(proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Requests a load of the file by the proposed contract of which nothing is kept.

    The request's `result` then has the records accepted, superseded and rejected, and the rejects by cause.
    """
    await check_proposal(database, proposal_id, ContractAction.DRY_RUN)
    return await request_action(request, database, ContractAction.DRY_RUN, proposal_id=proposal_id)


# -- requests --------------------------------------------------------------------------------------------------------


@router.get(
    "/api/contracts/requests/{request_id}",
    response_model=ContractRequest,
    responses=FIGURE_PROBLEMS | {404: problem_response("The request does not exist")},
    summary="State of a request about a contract",
)
async def read_contract_request(
    request_id: Annotated[RequestId, Path()], _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns the state of a request. Until it is final, `Retry-After` says when to ask again."""
    body = await read_request(database, request_id, context_of(request.scope).prefix)
    return _response(body, None if body["is_final"] else {"Retry-After": "1"})


# -- contracts -------------------------------------------------------------------------------------------------------


@router.get("/api/contracts", response_model=DatasetContracts, responses=FIGURE_PROBLEMS, summary="Contracts")
async def list_contracts(_: NoParameters, request: Request, database: Reader) -> Response:
    """Returns the datasets that have a contract, with the version that is in force."""
    catalogue, prefix = request.app.state.catalogue, context_of(request.scope).prefix
    stored = await database.fetch_value(queries.CONTRACTS)
    built_in = [documents.built_in_summary(name, catalogue, prefix) for name in BUILT_IN]
    return _response({"datasets": built_in + [documents.summary(each, catalogue, prefix) for each in stored]})


@router.get(
    "/api/contracts/{dataset}",
    response_model=DatasetContract,
    responses=FIGURE_PROBLEMS
    | {
        404: problem_response("The dataset or the version does not exist"),
        409: problem_response("This version of the API cannot read the stored contract"),
    },
    summary="The contract of a dataset",
)
async def read_dataset_contract(
    dataset: Name, query: Annotated[ContractParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns the contract as it was accepted, all its versions, and a document in the format that was asked for."""
    catalogue, prefix = request.app.state.catalogue, context_of(request.scope).prefix
    if dataset in BUILT_IN:
        found = documents.built_in_summary(dataset, catalogue, prefix)
        text, stored, shown, versions = documents.built_in_text(dataset), None, query.version or 1, []
        if shown != 1:
            raise _unknown_version(dataset, shown)
    else:
        row = await database.fetch_value(queries.ONE_CONTRACT, {"dataset": dataset, "version": query.version})
        if row is None:
            raise _unknown_dataset(dataset)
        text, stored, shown, versions = (row.pop(name) for name in ("text", "shown", "shown_version", "versions"))
        if text is None:
            raise _unknown_version(dataset, shown)
        found = documents.summary(row, catalogue, prefix)
    document = documents.document(dataset, shown, text, stored, query.as_)
    return _response(found | {"shown_version": shown, "contract": text, "document": document, "versions": versions})


@router.post("/api/contracts/{dataset}/retire", summary="Retire a dataset", **ACCEPTED)
async def retire_dataset(dataset: Name, _: NoParameters, request: Request, database: Reader) -> Response:
    """Requests that the files of a dataset are not loaded any more. Its rows and its history stay."""
    if dataset in BUILT_IN:
        detail = f"{dataset} is a built-in dataset: it cannot be retired."
        raise Problem(409, "built-in-dataset", "Built-in dataset", detail)
    row = await database.fetch_value(queries.ONE_CONTRACT, {"dataset": dataset, "version": None})
    if row is None:
        raise _unknown_dataset(dataset)
    if row["retired_at"] is not None:
        raise Problem(409, "dataset-retired", "Dataset retired", f"{dataset} is retired already.")
    return await request_action(request, database, ContractAction.RETIRE, dataset=dataset)


def _unknown_dataset(name: str) -> Problem:
    detail = f"There is no contract of a dataset {name!r}. /api/contracts lists all contracts."
    return Problem(404, "unknown-dataset", "Unknown dataset", detail)


def _unknown_version(name: str, version: int) -> Problem:
    detail = f"The contract of {name} has no version {version}. Without `version`, the one in force is returned."
    return Problem(404, "unknown-version", "Unknown version", detail)


def _response(document: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(document, headers={"Cache-Control": "no-store"} | (headers or {}))
