"""Serves what people ask about contracts through the API: each request once, the oldest first.

What is asked is done by others (`proposing`, `retiring`); the request keeps what was done, or why it was refused.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from logistics_core.catalogue import Catalogue, ContractError, Dataset, built_in_catalogue
from logistics_core.database_contract.contracts import ContractAction, ProposalState
from logistics_core.raw_folder_rules import is_ignored
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.dry_run import count_replaced, dry_run
from logistics_pipeline.contracts.folder import describe
from logistics_pipeline.contracts.proposals import StoredProposal, latest_proposal, proposal_by_id
from logistics_pipeline.contracts.proposing import (
    ProposalError,
    Proposed,
    accept_proposal,
    answer_proposal,
    dismiss_proposal,
    edit_proposal,
    propose_for_file,
)
from logistics_pipeline.contracts.retiring import retire_dataset
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database.connections import TRANSIENT, Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.files.folder import FoundFile, split_key
from logistics_pipeline.files.places import WatchedPlaces, is_url
from logistics_pipeline.files.stores import PlaceError

LONGEST_SENTENCE = 4000
IN_USE = "The table of the dataset is in use by a load or a query. Nothing was changed: ask again in a moment."

logger = logging.getLogger("logistics.contracts")


@dataclass(frozen=True)
class ContractRequest:
    """A row of `catalogue.requests` that was not served yet."""

    request_id: int
    action: str
    proposal_id: UUID | None
    dataset: str | None
    argument: Mapping[str, Any]
    requested_by: str


@dataclass(frozen=True)
class Served:
    """What was done about a request."""

    outcome: str
    """In a sentence."""
    result: Mapping[str, Any]
    """For programs."""


def serve_next_request(connection: Connection, settings: Settings) -> str | None:
    """Serves the oldest request; returns what became of it, in a sentence. None if no request waits.

    Raises:
        TransientError: the database was lost; the request is served when it is back.
    """
    request = _next_request(connection)
    if request is None:
        return None
    try:
        served = _serve(connection, request, settings)
    except Exception as error:  # noqa: BLE001
        refusal = _refusal(connection, request, error)
        _end(connection, request, error=refusal)
        return f"Request {request.request_id} ({request.action}) of {request.requested_by} is refused: {refusal}"
    _end(connection, request, served=served)
    return f"Request {request.request_id} ({request.action}) of {request.requested_by}: {served.outcome}"


def _refusal(connection: Connection, request: ContractRequest, error: Exception) -> str:
    """Why a request fails, in a sentence. No file or contract may stop the watch, which would fail on it for ever.

    Raises:
        TransientError: the database was lost, or is not able to serve it now: the request stays.
    """
    if isinstance(error, errors.LockNotAvailable):
        return IN_USE
    if connection.closed or isinstance(error, (TransientError, *TRANSIENT)):
        raise error
    if isinstance(error, PipelineError | ContractError):
        return str(error)
    logger.error("Request %d (%s) failed unexpectedly", request.request_id, request.action, exc_info=error)
    return "It failed because of an error in the program: the log of the watch of contracts has the details."


def _next_request(connection: Connection) -> ContractRequest | None:
    with connection.cursor(row_factory=class_row(ContractRequest)) as cursor:
        return cursor.execute(
            "SELECT request_id, action, proposal_id, dataset, argument, requested_by FROM catalogue.requests "
            "WHERE done_at IS NULL ORDER BY request_id LIMIT 1"
        ).fetchone()


def _end(
    connection: Connection, request: ContractRequest, *, served: Served | None = None, error: str | None = None
) -> None:
    connection.execute(
        "UPDATE catalogue.requests SET done_at = clock_timestamp(), outcome = %s, error = %s, result = %s "
        "WHERE request_id = %s",
        (
            served and served.outcome[:LONGEST_SENTENCE],
            error and error[:LONGEST_SENTENCE],
            served and Jsonb(served.result),
            request.request_id,
        ),
    )


def _serve(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    action = _ACTIONS.get(request.action)
    if action is None:
        known = ", ".join(_ACTIONS)
        raise ProposalError(f"There is no action {request.action!r}. There are: {known}.")
    return action(connection, request, settings)


# -- about files -----------------------------------------------------------------------------------------------------


def _propose(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    path, dataset = _text(request, "path"), request.argument.get("dataset")
    found = _look_at(path, settings)
    known = _known_proposal(connection, found, dataset)
    if known is not None:
        return _of_proposal(known, _says(known))
    proposed = propose_for_file(connection, found, settings, created_by=request.requested_by, dataset=dataset)
    stored = proposal_by_id(connection, proposed.proposal.proposal_id) or proposed.proposal
    return _of_proposal(stored, _outcome(proposed))


def _look_at(path: str, settings: Settings) -> FoundFile:
    folder = WatchedPlaces.of_settings(settings, built_in_catalogue())
    if is_url(path):
        return _look_at_place(path, folder)
    file = Path(os.path.abspath(folder.path_of(path)))
    is_within = file.is_relative_to(os.path.abspath(settings.raw_dir)) and not any(map(is_ignored, path.split("/")))
    found = folder.look_at(file) if is_within else None
    if found is None or found.key != path:
        raise ProposalError(f"There is no file {path!r} in the raw folder. Give its path relative to that folder.")
    return found


def _look_at_place(path: str, folder: WatchedPlaces) -> FoundFile:
    try:
        found = folder.look_at_key(path)
    except PlaceError as error:
        raise ProposalError(str(error)) from error
    if found is None:
        raise ProposalError(f"There is no file {path!r} at its place any more.")
    return found


def _known_proposal(connection: Connection, found: FoundFile, dataset: str | None) -> StoredProposal | None:
    """The proposal that the watch has made for the same content meanwhile: another one would discard its answers."""
    stored = latest_proposal(connection, found.key)
    if stored is None or stored.state not in (ProposalState.OPEN, ProposalState.ACCEPTED):
        return None
    entry = ledger.latest_file(connection, found.key)
    is_same_file = stored.file_id is not None and entry is not None and stored.file_id == entry.file_id
    return stored if is_same_file and dataset in (None, stored.dataset) else None


def _outcome(proposed: Proposed) -> str:
    if proposed.accepted is not None:
        return describe(proposed.accepted)
    return _says(proposed.proposal)


def _says(stored: StoredProposal) -> str:
    if stored.state == ProposalState.ACCEPTED:
        return f"The contract of {stored.dataset} is accepted."
    if stored.is_acceptable:
        return f"A contract of {stored.dataset} is proposed and can be accepted."
    questions, obstacles = len(stored.open_questions), len(stored.obstacles)
    left = [f"{questions:,} {'question is' if questions == 1 else 'questions are'} open"] if questions else []
    left += [f"{obstacles:,} {'thing is' if obstacles == 1 else 'things are'} in the way"] if obstacles else []
    return f"A contract of {stored.dataset} is proposed: {', '.join(left)}."


# -- about proposals -------------------------------------------------------------------------------------------------


def _answer(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    answers, by_kind = (request.argument.get(name) or {} for name in ("answers", "by_kind"))
    are_texts = all(
        isinstance(given, dict) and all(isinstance(each, str) for each in given.values())
        for given in (answers, by_kind)
    )
    if not are_texts or not (answers or by_kind):
        raise ProposalError("The request has no answers: they are texts by the id or the kind of each question.")
    stored = answer_proposal(connection, _proposal(request), answers, by_kind)
    return _of_proposal(stored, _says(stored))


def _edit(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    stored = edit_proposal(connection, _proposal(request), _text(request, "contract"))
    return _of_proposal(stored, _says(stored))


def _accept(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    proposal_id = _proposal(request)
    before = proposal_by_id(connection, proposal_id)
    if before is not None and before.state == ProposalState.ACCEPTED and before.ended_by == request.requested_by:
        # Accepted for this very request, before an interruption.
        return _of_proposal(before, f"The contract of {before.dataset} is accepted.")
    accepted = accept_proposal(connection, proposal_id, accepted_by=request.requested_by, settings=settings)
    return Served(
        describe(accepted),
        {
            "proposal_id": str(proposal_id),
            "dataset": accepted.dataset,
            "version": accepted.version,
            "is_new": accepted.is_new,
            "changes": [change.text for change in accepted.changes],
            "followed": list(accepted.followed),
        },
    )


def _dismiss(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    stored = dismiss_proposal(connection, _proposal(request), dismissed_by=request.requested_by)
    return _of_proposal(stored, f"The proposal for {stored.path} is dismissed.")


def _dry_run(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    stored = proposal_by_id(connection, _proposal(request))
    if stored is None:
        raise ProposalError(f"There is no proposal {request.proposal_id}.")
    contract = contract_of_text(stored.contract, f"The contract of proposal {stored.proposal_id}")
    catalogue = catalogue_in_force(connection)
    dataset = _as_loaded(contract.dataset, settings)
    path, nested = split_key(stored.path)
    if nested is not None and dataset.records is not None:
        dataset = replace(dataset, parent=catalogue.get(dataset.records.dataset))
    found = dry_run(_look_at(path, settings).path, dataset, {*catalogue, dataset.name}, settings)
    in_force = catalogue.get(dataset.name)
    if in_force is not None:
        found.replaced = count_replaced(connection, in_force, dataset, found)
    return Served(found.sentence, {"proposal_id": str(stored.proposal_id), "dataset": dataset.name, **found.to_json()})


def _as_loaded(dataset: Dataset, settings: Settings) -> Dataset:
    """The dataset with the setting that loads apply to it."""
    return Catalogue({dataset.name: dataset}).with_invalid_values(settings.invalid_optional_values)[dataset.name]


def _retire(connection: Connection, request: ContractRequest, settings: Settings) -> Served:
    if request.dataset is None:
        raise ProposalError("The request names no dataset.")
    retired = retire_dataset(connection, request.dataset, retired_by=request.requested_by)
    before = "had been retired before" if retired.was_retired_before else "is retired"
    return Served(f"{retired.dataset} {before}. Its table and its history stay.", {"dataset": retired.dataset})


def _proposal(request: ContractRequest) -> UUID:
    if request.proposal_id is None:
        raise ProposalError("The request names no proposal.")
    return request.proposal_id


def _text(request: ContractRequest, name: str) -> str:
    value = request.argument.get(name)
    if not isinstance(value, str) or not value:
        raise ProposalError(f"The request has no {name}.")
    return value


def _of_proposal(stored: StoredProposal, outcome: str) -> Served:
    return Served(
        outcome,
        {
            "proposal_id": str(stored.proposal_id),
            "dataset": stored.dataset,
            "version": stored.version,
            "state": str(stored.state),
            "open_questions": len(stored.open_questions),
            "is_acceptable": stored.is_acceptable,
        },
    )


_ACTIONS: Mapping[str, Callable[[Connection, ContractRequest, Settings], Served]] = {
    ContractAction.PROPOSE: _propose,
    ContractAction.ANSWER: _answer,
    ContractAction.EDIT: _edit,
    ContractAction.ACCEPT: _accept,
    ContractAction.DISMISS: _dismiss,
    ContractAction.DRY_RUN: _dry_run,
    ContractAction.RETIRE: _retire,
}
