"""Questions of drift proposals: what is stored of them, what answers change, what another version leaves open."""

from collections.abc import Mapping
from typing import Any

import msgspec

from logistics_core.catalogue import Dataset
from logistics_core.database_contract.contracts import ProposalState
from logistics_pipeline import ledger
from logistics_pipeline.contracts.proposals import (
    StoredProposal,
    change_proposal,
    end_proposal,
    open_drift_proposals,
)
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.inference.answers import AnswerError
from logistics_pipeline.inference.contract_text import contract_yaml
from logistics_pipeline.inference.drift import ChangeKind, Drift, amended_contract, questions_left, still_open
from logistics_pipeline.inference.proposal import Proposal


def answered_drift(stored: StoredProposal, answers: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The contract and the document of a drift proposal with answers, by the ids of its questions.

    Raises:
        AnswerError: there is no such question, or no such answer to it.
    """
    document = stored.document
    drift = msgspec.convert(document["drift"], Drift)
    questions = {question.id: question for question in drift.questions}
    for name, answer in answers.items():
        if name not in questions:
            raise AnswerError(f"There is no question {name}. There are: {', '.join(questions)}.")
        if answer not in questions[name].answers:
            allowed = " | ".join(questions[name].answers)
            raise AnswerError(f"{name} cannot be answered by {answer!r}. Answer it by one of: {allowed}.")
    proposal = msgspec.convert(document["proposal"], Proposal)
    return drift_document(drift, proposal, document["before"], document["version"], answers)


def ask_again(connection: Connection, dataset: Dataset, contract: Any, version: int, accepted_by: str) -> None:
    """Asks what is still open in the drift proposals of a dataset, for a version that was just accepted.

    They keep their ids and the answers given. One whose questions the version answers has ended. A file that the
    version no longer holds back is loaded again, whether or not other questions about it are open.
    """
    for stored in open_drift_proposals(connection, dataset.name):
        proposal = msgspec.convert(stored.document["proposal"], Proposal)
        before = msgspec.convert(stored.document["drift"], Drift)
        drift = still_open(dataset, before, proposal)
        if stored.file_id is not None and before.is_held and not drift.is_held:
            ledger.request_retry(connection, stored.file_id)
        if drift.questions:
            left = {question.id for question in drift.questions}
            answers = {name: answer for name, answer in stored.answers.items() if name in left}
            text, document = drift_document(drift, proposal, plain(contract), version, answers)
            change_proposal(connection, stored, stored.dataset, text, document)
        else:
            end_proposal(connection, stored.proposal_id, ProposalState.SUPERSEDED, accepted_by)


def drift_document(
    drift: Drift, proposal: Proposal, before: dict[str, Any], version: int, answers: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """The contract as YAML with what was answered, and what is stored beside it."""
    contract = amended_contract(before, drift, proposal, answers)
    document = {
        "drift": msgspec.to_builtins(drift),
        "proposal": msgspec.to_builtins(proposal),
        "before": before,
        "version": version,
        "questions": msgspec.to_builtins(questions_left(drift, proposal, answers)),
        "answers": dict(answers),
        "obstacles": _obstacles(drift, answers),
        "notes": list(drift.notes),
        "edited": False,
    }
    return yaml_of(contract), plain(document)


def _obstacles(drift: Drift, answers: Mapping[str, str]) -> list[str]:
    """What an answer asks for that no rule can do: a person edits the contract."""
    found = []
    for change in drift.changes:
        answer = answers.get(change.question.id) if change.question is not None else None
        if change.kind is ChangeKind.TYPE and answer is not None and answer.startswith("the field becomes"):
            found.append(
                f"{change.field} needs another type, and its table has values of the one before: edit the contract, "
                "unload the files, accept it, and load them again"
            )
    return found


def plain(document: Any) -> Any:
    """A copy of a document as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(document))


def yaml_of(document: Any) -> str:
    """A document as a contract file."""
    return contract_yaml(document)
