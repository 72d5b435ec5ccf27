"""Makes requests to the pipeline about contracts, and says how far they are."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import JSONResponse

from logistics_api.contract_requests.queries import MAKE_REQUEST, NEEDS_ANSWERS, ONE_REQUEST, PROPOSAL_STATE
from logistics_api.database.pool import Database
from logistics_api.errors import Problem, too_many_pending
from logistics_api.file_requests.status import progress_of
from logistics_api.http.changes import requester
from logistics_api.http.context import context_of
from logistics_core.database_contract.contracts import ContractAction, ProposalState

PATIENCE_SECONDS = 30
"""A request pending for longer gets a hint that the pipeline may not be running."""

WAITS = "Waits for the pipeline, which is told at once."
WAITS_LONG = (
    "The pipeline has not served it yet: it is busy, or no process watches contracts (`logistics up` or "
    "`logistics contracts watch` starts one). The request is kept until it is served."
)


async def request_action(
    request: Request,
    database: Database,
    action: ContractAction,
    *,
    proposal_id: UUID | None = None,
    dataset: str | None = None,
    argument: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Makes a request and responds with it: 202, with its address as `Location`.

    Raises:
        Problem: as `make_request`.
    """
    request_id = await make_request(
        request, database, action, proposal_id=proposal_id, dataset=dataset, argument=argument
    )
    body = await read_request(database, request_id, context_of(request.scope).prefix)
    return JSONResponse(body, 202, {"Location": body["status_url"]})


async def make_request(
    request: Request,
    database: Database,
    action: ContractAction,
    *,
    proposal_id: UUID | None = None,
    dataset: str | None = None,
    argument: Mapping[str, Any] | None = None,
) -> int:
    """Makes a request and returns its number.

    Raises:
        Problem: 404, there is no such proposal; 503, too many requests are pending; anything `Database.write` raises.
    """
    parameters = {
        "action": action,
        "proposal_id": proposal_id,
        "dataset": dataset,
        "argument": json.dumps(argument or {}),
        "requested_by": requester(request),
    }
    (request_id,) = await database.write(MAKE_REQUEST, parameters)
    if request_id is None:
        if proposal_id is not None:
            await check_proposal(database, proposal_id)
        raise _too_many()
    return int(request_id)


async def check_proposal(database: Database, proposal_id: UUID, action: ContractAction | None = None) -> None:
    """Refuses what makes no sense for a proposal as it is now. The pipeline looks again when it serves the request.

    Raises:
        Problem: 404, there is no such proposal; 409, it is not open, or something is left to answer.
    """
    state, questions, obstacles = await database.fetch_row(PROPOSAL_STATE, {"proposal_id": proposal_id})
    if state is None:
        raise unknown_proposal(proposal_id)
    if action is None:
        return
    if state != ProposalState.OPEN:
        detail = f"The proposal {proposal_id} is not open any more: it is {state}."
        raise Problem(409, "proposal-not-open", "Proposal not open", detail)
    if action in NEEDS_ANSWERS and (questions or obstacles):
        left = [
            f"{count:,} {name}{'' if count == 1 else 's'}"
            for count, name in ((questions, "open question"), (obstacles, "obstacle"))
            if count
        ]
        raise Problem(
            409,
            "proposal-incomplete",
            "Proposal incomplete",
            f"The proposal {proposal_id} has {' and '.join(left)}: answer the questions, or edit the contract, first.",
        )


async def read_request(database: Database, request_id: int, prefix: str) -> dict[str, Any]:
    """The response body for a request.

    Raises:
        Problem: 404, there is no such request; anything `Database.fetch_row` raises.
    """
    found = await database.fetch_value(ONE_REQUEST, {"request_id": request_id})
    if found is None:
        raise Problem(
            404,
            "unknown-request",
            "Unknown request",
            f"There is no request {request_id} about a contract. Use the request_id of a response to a request.",
        )
    return request_document(found, prefix)


def request_document(found: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The response body for a request as the database has it."""
    waits = WAITS if found.pop("age_seconds") < PATIENCE_SECONDS else WAITS_LONG
    progress = progress_of(found, waits)
    proposal_id = found["proposal_id"]
    return {
        **found,
        "proposal_url": proposal_id and proposal_url(proposal_id, prefix),
        **progress,
        "status_url": f"{prefix}/api/contracts/requests/{found['request_id']}",
    }


def proposal_url(proposal_id: str, prefix: str) -> str:
    """The address of a proposal."""
    return f"{prefix}/api/contracts/proposals/{proposal_id}"


def unknown_proposal(proposal_id: UUID) -> Problem:
    """The response to an unknown proposal."""
    detail = f"There is no proposal {proposal_id}. /api/contracts/proposals lists all proposals."
    return Problem(404, "unknown-proposal", "Unknown proposal", detail)


def _too_many() -> Problem:
    return too_many_pending(
        "A thousand requests about contracts wait for the pipeline. Is it running? `logistics up` or `logistics "
        "contracts watch` serves them. Try again when it has."
    )
