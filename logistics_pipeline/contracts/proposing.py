"""Proposes contracts for files that belong to no dataset, and follows what people decide about the proposals.

A proposal whose questions are all answered is accepted by a person, or by itself if the policy is `auto` and it never
had a question. The files that wait for its dataset are registered for it in the transaction that accepts it.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any
from uuid import UUID

import msgspec

from logistics_core.catalogue import Catalogue, ContractError, Dataset, FieldType
from logistics_core.catalogue.contract_files import MAX_FILE_BYTES
from logistics_core.database_contract.contracts import ProposalKind, ProposalState
from logistics_core.database_contract.locks import arrays_lock
from logistics_core.dataset_names import meant_dataset
from logistics_core.settings import ContractPolicy, Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.accepting import Accepted, RefusedContractError, accept_contract
from logistics_pipeline.contracts.declared_keys import declared_key
from logistics_pipeline.contracts.drift_proposals import carry_out
from logistics_pipeline.contracts.drift_questions import answered_drift
from logistics_pipeline.contracts.dry_run import dry_run
from logistics_pipeline.contracts.proposals import (
    StoredProposal,
    assign_file,
    change_proposal,
    end_proposal,
    latest_proposal,
    open_proposals,
    proposal_by_id,
    proposals_of_dataset,
    proposed_arrays,
    store_proposal,
)
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import lock_contracts, version_in_force, versions_in_force
from logistics_pipeline.database.connections import Connection, advisory_lock
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import FileError, PipelineError, TransientError
from logistics_pipeline.files.folder import FoundFile, is_nested, nested_key
from logistics_pipeline.files.places import WatchedPlaces
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.inference.answers import (
    DATASET,
    REJECTS,
    answered,
    answers_by_kind,
    asking_about_rejects,
    asking_for_dataset,
)
from logistics_pipeline.inference.contract_text import contract_text, contract_yaml
from logistics_pipeline.inference.names import dataset_name_of_path, unique_dataset_name
from logistics_pipeline.inference.nested import nested_dataset_name, propose_nested
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose

AUTOMATIC = "the policy auto"
BY_REVIEW = "LOGISTICS_CONTRACTS is review: a person accepts every contract"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class ProposalError(PipelineError):
    """What is asked of a proposal is not possible; the message says why and what is."""


@dataclass(frozen=True)
class Proposed:
    """What became of a file that belonged to no dataset."""

    proposal: StoredProposal
    accepted: Accepted | None = None
    """What accepting it by itself has done; None if it waits for a person."""


def propose_for_file(
    connection: Connection, found: FoundFile, settings: Settings, *, created_by: str, dataset: str | None = None
) -> Proposed:
    """Proposes a contract for a file, stores the proposal, and accepts it if the policy allows.

    Where a proposal for the same dataset waits already, as of another file in the same folder, that one is returned; so
    is one that was made for the same file, if nothing about it has changed.

    Raises:
        FileError: the file cannot be read, or holds no records.
        ProposalError: the file belongs to a dataset, which may be retired.
    """
    known = versions_in_force(connection)
    catalogue = catalogue_in_force(connection)
    _refuse_known(found, catalogue, {name for name, each in known.items() if each.retired_at is not None})
    taken = {*catalogue, *known}
    name = dataset or dataset_name_of_path(PurePath(found.place_path))
    waiting = _waiting_for_folder(connection, found, name)
    if waiting is not None:
        return Proposed(waiting)
    name = name if dataset else unique_dataset_name(name, taken)
    proposal = propose(
        found.path,
        name,
        taken=taken,
        key=declared_key(connection, found.key),
        max_record_bytes=settings.max_record_bytes,
        max_expansion=settings.max_expansion,
    )
    proposal = msgspec.structs.replace(proposal, decided={"path": found.key})
    proposal = _with_rejects(proposal, found, catalogue, settings)
    meant = None if dataset else meant_dataset(name, catalogue)
    if meant is not None:
        proposal = asking_for_dataset(proposal, found.key, meant)
    entry = ledger.latest_file(connection, found.key)
    file_id = entry.file_id if entry else None
    stored = _same_proposal(connection, found.key, proposal)
    if stored is not None:
        assign_file(connection, stored, file_id)
        if stored.answers or stored.is_edited:
            return Proposed(stored)
    else:
        stored = store_proposal(
            connection,
            path=found.key,
            file_id=file_id,
            dataset=proposal.dataset,
            kind=ProposalKind.NEW,
            contract=_text(proposal),
            document=_document(proposal, {}),
            created_by=created_by,
        )
    if not stored.is_acceptable:
        return Proposed(stored)
    if settings.contracts is ContractPolicy.REVIEW:
        return Proposed(_waits_because(connection, stored, BY_REVIEW))
    return _accept_by_itself(connection, stored, settings)


def propose_nested_datasets(
    connection: Connection,
    dataset: str,
    settings: Settings,
    *,
    created_by: str,
    accepted: StoredProposal | None = None,
) -> list[str]:
    """Proposes a dataset for each array of objects within the records of one whose contract was proposed.

    The arrays are looked for in the file of the proposal that was accepted. Each is proposed once; a proposal without
    questions is accepted by itself if the policy allows. Returns what became of each, in a sentence. Never fails
    because of the file.
    """
    source = accepted or _accepted_proposal(connection, dataset)
    names = set() if source is None else set(source.document.get("proposal", {}).get("children", ()))
    if source is None or not names:
        return []
    with advisory_lock(connection, arrays_lock(dataset)):
        catalogue = catalogue_in_force(connection)
        parent = catalogue.get(dataset)
        if parent is None:
            return []
        known = {catalogue[name].records for name in catalogue.nested_in(dataset)}
        done = {each.array for each in known if each} | proposed_arrays(connection, dataset)
        arrays = [
            field.name
            for field in parent.fields
            if field.type is FieldType.ARRAY and names & {field.name, *field.aliases} and field.name not in done
        ]
        if not parent.key:
            return [f"Its array {each} stays JSON: records of {dataset} have no key to refer to." for each in arrays]
        found = WatchedPlaces.of_settings(settings, catalogue).look_at_key(source.path)
        return [_propose_array(connection, found, parent, array, settings, created_by) for array in arrays if found]


def _accepted_proposal(connection: Connection, dataset: str) -> StoredProposal | None:
    """The proposal that made a dataset, if one did."""
    found = [
        each
        for each in proposals_of_dataset(connection, dataset)
        if each.kind == ProposalKind.NEW and each.state == ProposalState.ACCEPTED
    ]
    return found[-1] if found else None


def _propose_array(
    connection: Connection, found: FoundFile, parent: Dataset, array: str, settings: Settings, created_by: str
) -> str:
    """Proposes the dataset of one array; says what became of it."""
    version = version_in_force(connection, parent.name)
    assert version is not None
    catalogue = catalogue_in_force(connection)
    name = nested_dataset_name(parent, array, {*catalogue, *versions_in_force(connection)})
    try:
        proposal = propose_nested(
            found.path,
            parent,
            version.document,
            array,
            name,
            max_record_bytes=settings.max_record_bytes,
            max_expansion=settings.max_expansion,
        )
    except FileError as error:
        return f"No dataset is proposed for the array {array}: {error}"
    proposal = _with_rejects(proposal, found, catalogue, settings)
    stored = store_proposal(
        connection,
        path=nested_key(found.key, name),
        file_id=None,
        dataset=name,
        kind=ProposalKind.NEW,
        contract=_text(proposal),
        document=_document(proposal, {}),
        created_by=created_by,
    )
    if stored.is_acceptable and settings.contracts is ContractPolicy.REVIEW:
        stored = _waits_because(connection, stored, BY_REVIEW)
    elif stored.is_acceptable:
        accepted = _accept_by_itself(connection, stored, settings)
        if accepted.accepted is not None:
            return f"Its array {array} is the dataset {name}, whose contract was proposed and accepted by itself."
        stored = accepted.proposal
    return (
        f"A contract of a dataset {name} is proposed for its array {array}, and waits: logistics contracts show "
        f"{stored.proposal_id}"
    )


def _same_proposal(connection: Connection, key: str, proposal: Proposal) -> StoredProposal | None:
    """The open proposal for a file, if it says the same: its id and the answers given are kept."""
    stored = latest_proposal(connection, key)
    if stored is None or stored.state != ProposalState.OPEN or stored.kind != ProposalKind.NEW:
        return None
    found = msgspec.json.decode(msgspec.json.encode(_storable(msgspec.to_builtins(proposal))))
    before = stored.document.get("proposal", {})
    return stored if {**found, "seconds": 0} == {**before, "seconds": 0} else None


def _with_rejects(proposal: Proposal, found: FoundFile, catalogue: Catalogue, settings: Settings) -> Proposal:
    """Asks about the records that a load would reject by the proposed contract.

    Where other questions are open, only the records that the proposal itself has found bad are known to be.
    """
    if proposal.obstacles():
        return proposal
    if proposal.questions:
        is_asked = any(question.kind in ("second_table", REJECTS) for question in proposal.questions)
        if is_asked or not proposal.bad_records:
            return proposal
        return asking_about_rejects(proposal, proposal.bad_records, proposal.rows + proposal.bad_records, ())
    dataset = contract_of_text(_text(proposal), "The proposed contract").dataset
    if dataset.records is not None:
        dataset = replace(dataset, parent=catalogue[dataset.records.dataset])
    by_name = Catalogue({dataset.name: dataset}).with_invalid_values(settings.invalid_optional_values)
    run = dry_run(found.path, by_name[dataset.name], {*catalogue, dataset.name}, settings)
    if run.error is not None:
        return msgspec.structs.replace(proposal, refusals=(*proposal.refusals, f"it cannot be loaded: {run.error}"))
    if not run.rejected:
        return proposal
    return asking_about_rejects(proposal, run.rejected, run.read, run.most_frequent_reasons())


@dataclass(frozen=True)
class Outcome:
    """What became of an unrecognised file, in a sentence that the ledger keeps as well."""

    sentence: str
    proposal: StoredProposal | None = None
    is_accepted: bool = False


def propose_for_unrecognised(
    connection: Connection, settings: Settings, *, created_by: str, most: int = 20
) -> list[Outcome]:
    """Proposes contracts for files in the ledger that belong to no dataset and were not tried yet, `most` at a time.

    What can be said about each is noted in the ledger, so none is tried twice. The caller syncs the folder of contracts
    if one was accepted.
    """
    outcomes = []
    for _, path in ledger.unrecognised_files(connection, unexplained=True)[:most]:
        folder = WatchedPlaces.of_settings(settings, catalogue_in_force(connection))
        try:
            found = folder.look_at_key(path)
        except (TransientError, PlaceError):  # said by the sensor, which looks at the place
            continue
        if found is not None and found.key == path:
            outcomes.append(propose_unrecognised(connection, found, settings, created_by=created_by))
    return outcomes


def propose_unrecognised(connection: Connection, found: FoundFile, settings: Settings, *, created_by: str) -> Outcome:
    """Proposes a contract for a file that the ledger has as unrecognised, and notes there what people can do.

    Never fails because of the file. The caller syncs the folder of contracts if one was accepted.
    """
    try:
        outcome = _outcome(propose_for_file(connection, found, settings, created_by=created_by))
    except FileError as error:
        reason = str(error) if error.byte_offset else error.message  # the beginning of the file is no place in it
        end = "" if reason.endswith((".", "?", "!")) else "."
        outcome = Outcome(f"Its path names no dataset, and no contract can be proposed for it: {reason}{end}")
    except (ProposalError, ContractError) as error:
        outcome = Outcome(str(error))
    entry = ledger.latest_file(connection, found.key)
    if entry is not None and not outcome.is_accepted:
        ledger.explain_unrecognised(connection, entry.file_id, outcome.sentence)
    return outcome


def _outcome(proposed: Proposed) -> Outcome:
    stored = proposed.proposal
    if proposed.accepted is not None:
        sentence = f"A contract of the dataset {stored.dataset} was proposed and accepted by itself."
        return Outcome(" ".join([sentence, *proposed.accepted.followed]), stored, is_accepted=True)
    questions, obstacles = len(stored.open_questions), len(stored.obstacles)
    waits = f"{questions:,} {'question is' if questions == 1 else 'questions are'} open" if questions else ""
    if obstacles:
        waits = f"{waits} and " if waits else ""
        waits += f"{'something is' if obstacles == 1 else f'{obstacles:,} things are'} in the way"
    meant = next((each["answers"][-1] for each in stored.open_questions if each["kind"] == DATASET), None)
    almost = "" if meant is None else f", but almost {meant}"
    return Outcome(
        f"Its path names no dataset{almost}. A contract of a dataset {stored.dataset} is proposed, and waits"
        f"{f': {waits}' if waits else _for_whom(stored)}. logistics contracts show {stored.proposal_id}",
        stored,
    )


def _for_whom(stored: StoredProposal) -> str:
    because = f", as {stored.waits_because.removesuffix('.')}" if stored.waits_because else ""
    return f" for somebody to accept it{because}"


def _accept_by_itself(connection: Connection, stored: StoredProposal, settings: Settings) -> Proposed:
    """Accepts a proposal without questions; where that is refused, a person has to see to it."""
    try:
        accepted = accept_proposal(connection, stored.proposal_id, accepted_by=AUTOMATIC, settings=settings)
    except (ContractError, RefusedContractError) as error:
        return Proposed(_waits_because(connection, stored, str(error)))
    return Proposed(proposal_by_id(connection, stored.proposal_id) or stored, accepted)


def _waits_because(connection: Connection, stored: StoredProposal, reason: str) -> StoredProposal:
    """Notes why a proposal waits that leaves nothing to answer."""
    document = {**stored.document, "waits_because": reason}
    change_proposal(connection, stored, stored.dataset, stored.contract, document)
    return replace(stored, document=document)


def _refuse_known(found: FoundFile, catalogue: Catalogue, retired: Collection[str]) -> None:
    if found.is_too_long:
        raise ProposalError(f"{found.key}: the path of the file is too long. Give it and its folders shorter names.")
    name = catalogue.dataset_of_path(found.place_path)
    if name is not None:
        raise ProposalError(f"{found.key} belongs to the dataset {name}: it needs no contract of its own.")
    outermost = dataset_name_of_path(PurePath(found.place_path))
    if outermost in retired:
        raise ProposalError(
            f"{found.key} belongs to the dataset {outermost}, which is retired. To use that again: logistics contracts "
            f"show {outermost} > FILE, then logistics contracts accept FILE. For another dataset, rename the folder or "
            "the file."
        )


def _waiting_for_folder(connection: Connection, found: FoundFile, name: str) -> StoredProposal | None:
    """The open proposal of another file in the same outermost folder."""
    key = found.key
    folder, separator, _ = found.place_path.partition("/")
    if not separator or not folder:
        return None
    folder = found.place + folder
    for each in open_proposals(connection):
        is_new = each.kind == ProposalKind.NEW and not is_nested(each.path)
        if each.path != key and is_new and each.path.startswith(f"{folder}/"):
            return each if each.dataset == name else None
    return None


def _document(proposal: Proposal, answers: Mapping[str, str]) -> dict[str, Any]:
    """What is stored beside the contract: the proposal as it was made, and as it is with the answers."""
    decided = answered(proposal, answers)
    now: dict[str, Any] = decided.to_json()
    document = {
        "proposal": msgspec.to_builtins(proposal),
        "answers": dict(answers),
        "questions": msgspec.to_builtins(proposal.questions),
        "obstacles": now["obstacles"],
        "columns": now["columns"],
        "contract": now["contract"],
        "preview": {"titles": [column.title for column in proposal.columns], "rows": proposal.preview},
        "edited": False,
    }
    return _storable(msgspec.to_builtins(document))  # type: ignore[no-any-return]


def _storable(value: Any) -> Any:
    """The value without characters that PostgreSQL's JSON cannot hold: only people look at it."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return value


def _text(proposal: Proposal) -> str:
    """The contract file; without evidence in comments where it would be too large."""
    text = contract_text(proposal)
    if len(text.encode()) > MAX_FILE_BYTES:
        text = contract_yaml(proposal.contract())
    return text


def answer_proposal(
    connection: Connection,
    proposal_id: UUID,
    answers: Mapping[str, str],
    by_kind: Mapping[str, str] | None = None,
) -> StoredProposal:
    """Answers questions of an open proposal; an answer can be given again as long as it is open.

    `answers` are by the ids of questions; an answer in `by_kind` is for all others of its kind.

    Raises:
        ProposalError: there is no such proposal, or it is not open.
        AnswerError: there is no such question, or no such answer to it.
    """
    with connection.transaction():
        stored = open_proposal(connection, proposal_id)
        if stored.is_edited:
            raise ProposalError(
                f"The contract of proposal {proposal_id} was edited: edit it again, as answers would overwrite that."
            )
        is_new = stored.kind != ProposalKind.DRIFT
        of_kinds = answers_by_kind(stored.document["questions"], by_kind or {}, text_is_allowed=is_new)
        given = {**stored.answers, **of_kinds, **answers}
        if stored.kind == ProposalKind.DRIFT:
            text, document = answered_drift(stored, given)
            change_proposal(connection, stored, stored.dataset, text, _storable(document))
            return _known(connection, proposal_id)
        proposal = msgspec.convert(stored.document["proposal"], Proposal)
        contract = _text(answered(proposal, given))
        change_proposal(connection, stored, stored.dataset, contract, _document(proposal, given))
        return _known(connection, proposal_id)


def edit_proposal(connection: Connection, proposal_id: UUID, text: str) -> StoredProposal:
    """Puts a contract that a person has written into an open proposal. Whoever writes it answers every question.

    Raises:
        ProposalError: there is no such proposal, or it is not open.
        ContractError: the text is not a contract.
    """
    contract = contract_of_text(text, "The contract")
    with connection.transaction():
        stored = open_proposal(connection, proposal_id)
        document = {**stored.document, "edited": True, "obstacles": [], "contract": contract.document}
        change_proposal(connection, stored, contract.name, text, _storable(document))
        return _known(connection, proposal_id)


def accept_proposal(
    connection: Connection, proposal_id: UUID, *, accepted_by: str, settings: Settings | None = None
) -> Accepted:
    """Puts the contract of an open proposal into force; files that wait for its dataset are registered for it.

    The values of fields that are new are moved from `extras`, outside the transaction that accepts. With settings,
    datasets are proposed for arrays of objects within its records as well.

    Raises:
        ProposalError: there is no such proposal, it is not open, or something is left to answer.
        ContractError: the contract does not fit the other datasets.
        RefusedContractError: the table cannot follow it.
    """
    with connection.transaction():
        lock_contracts(connection)  # before the proposal, as others do that accept one and change the rest
        stored = open_proposal(connection, proposal_id)
        _refuse_open_questions(stored)
        contract = contract_of_text(stored.contract, f"The contract of proposal {proposal_id}")
        if stored.kind == ProposalKind.NEW and contract.name in versions_in_force(connection):
            raise ProposalError(
                f"There is a dataset {contract.name} already. Accept the proposal under another name: write it into "
                "`name` of the contract."
            )
        accepted = accept_contract(
            connection, contract, accepted_by=accepted_by, may_break=True, proposal_id=proposal_id
        )
    backfills = carry_out(connection, stored, contract.dataset)
    followed = [each.sentence for each in backfills]
    if settings is not None and stored.kind == ProposalKind.NEW:
        followed += propose_nested_datasets(
            connection, contract.name, settings, created_by=accepted_by, accepted=stored
        )
    return replace(accepted, followed=tuple(followed))


def _refuse_open_questions(stored: StoredProposal) -> None:
    left = [f"{each['id']}: {each['text']}" for each in stored.open_questions] + stored.obstacles
    if left:
        more = f" And {len(left) - 5:,} more." if len(left) > 5 else ""
        raise ProposalError(
            f"The proposal for {stored.path} cannot be accepted yet. {' '.join(left[:5])}{more} To answer: logistics "
            f"contracts answer {stored.proposal_id} QUESTION=ANSWER"
        )


def dismiss_proposal(connection: Connection, proposal_id: UUID, *, dismissed_by: str) -> StoredProposal:
    """Dismisses an open proposal: its file stays unrecognised, and is not proposed again while it is unchanged.

    Raises:
        ProposalError: there is no such proposal, or it is not open.
    """
    stored = open_proposal(connection, proposal_id)
    if not end_proposal(connection, proposal_id, ProposalState.DISMISSED, dismissed_by):
        open_proposal(connection, proposal_id)
    return _known(connection, stored.proposal_id)


def open_proposal(connection: Connection, proposal_id: UUID) -> StoredProposal:
    """An open proposal, locked until the transaction ends.

    Raises:
        ProposalError: there is no such proposal, or it is not open.
    """
    stored = _known(connection, proposal_id, for_update=True)
    if stored.state != ProposalState.OPEN:
        raise ProposalError(f"The proposal {proposal_id} for {stored.path} is not open any more: it is {stored.state}.")
    return stored


def _known(connection: Connection, proposal_id: UUID, *, for_update: bool = False) -> StoredProposal:
    stored = proposal_by_id(connection, proposal_id, for_update=for_update)
    if stored is None:
        raise ProposalError(f"There is no proposal {proposal_id}. logistics contracts list shows those that are open.")
    return stored
