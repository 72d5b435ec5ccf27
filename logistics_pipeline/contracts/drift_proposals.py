"""What follows when a file differs from the contract of its dataset: a proposal of kind `drift`, or a version by rule.

A file is looked at after its load: if it failed, was loaded with rejects or a warning, or has columns that the contract
does not know. What a person answers becomes a version of the contract; then values are moved from `extras`, and a file
that failed is loaded again. What `inference.drift` finds is only stored and carried out here.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from psycopg import errors

from logistics_core.catalogue import ContractError, Dataset, FieldType
from logistics_core.catalogue.contract_files import BUILT_IN
from logistics_core.database_contract.contracts import ProposalKind
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.contracts.accepting import Accepted, RefusedContractError, accept_contract
from logistics_pipeline.contracts.backfill import Backfill, backfill_from_extras
from logistics_pipeline.contracts.drift_questions import drift_document, plain, yaml_of
from logistics_pipeline.contracts.proposals import StoredProposal, proposals_of_dataset, store_proposal
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import ContractVersion, catalogue_in_force, version_in_force
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError
from logistics_pipeline.inference.drift import Drift, KnownFile, compare
from logistics_pipeline.inference.nested import propose_nested
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.layouts import CsvLayout, layout_from_json
from logistics_pipeline.sources.folder import is_nested

BY_RULE = "the rules for changed files"
"""Who accepts a version that needs nobody's answer."""


@dataclass
class Followed:
    """What a loaded or failed file has led to."""

    widened: Accepted | None = None
    """The version with the fields that widened."""
    proposal: StoredProposal | None = None
    """The questions that are open."""

    def sentences(self) -> list[str]:
        """What it has led to, for people."""
        said = []
        if self.widened is not None:
            changes = " ".join(change.text for change in self.widened.changes)
            said.append(f"Version {self.widened.version} of the contract of {self.widened.dataset}: {changes}")
        if self.proposal is not None:
            said += [f"Question: {question['text']}" for question in self.proposal.open_questions]
        return said


def follow_file(connection: Connection, file: LedgerFile, path: Path) -> Followed:
    """Records what a rule has changed about the dataset of a file, and asks what only a person can tell.

    Does nothing about a dataset that is built in or has no contract in the database. A file that can no longer be read
    leads to no question: its own error says why. What cannot be recorded now is recorded after the next file.
    """
    if file.dataset is None or file.dataset in BUILT_IN:
        return Followed()
    version = version_in_force(connection, file.dataset)
    if version is None or version.retired_at is not None:
        return Followed()
    followed = Followed()
    with suppress(ContractError, RefusedContractError, errors.LockNotAvailable):
        followed.widened = record_widenings(connection, file, version)
    if _is_to_ask(file):
        with suppress(FileError):
            in_force = version_in_force(connection, version.dataset) or version
            followed.proposal = propose_drift(connection, file, path, in_force)
    return followed


def record_widenings(connection: Connection, file: LedgerFile, version: ContractVersion) -> Accepted | None:
    """Makes a version with the integer fields that a file needed to be numbers; None if it needed none."""
    widened = set((file.layout or {}).get("widened", ()))
    document = plain(version.document)
    integers = [
        field
        for field in document["schema"]["fields"]
        if field["name"] in widened and field["type"] == FieldType.INTEGER
    ]
    for field in integers:
        field["type"] = str(FieldType.NUMBER)
    if not integers:
        return None
    contract = contract_of_text(yaml_of(document), f"the contract of {version.dataset}")
    return accept_contract(connection, contract, accepted_by=BY_RULE)


def find_drift(
    connection: Connection, file: LedgerFile, path: Path, version: ContractVersion
) -> tuple[Drift, Proposal]:
    """Compares a file with the contract of its dataset and with the files loaded before it.

    Raises:
        FileError: it cannot be read, or holds no records.
    """
    proposal = _propose_again(connection, file, path, version)
    earlier = ledger.earlier_profiles(connection, version.dataset, file.file_id)
    before = layout_from_json(ledger.layout_before(connection, version.dataset, file.file_id))
    known = KnownFile(columns=before.header, delimiter=before.delimiter) if isinstance(before, CsvLayout) else None
    return compare(version.fields, proposal, earlier, known), proposal


def _propose_again(connection: Connection, file: LedgerFile, path: Path, version: ContractVersion) -> Proposal:
    """What would be proposed for a file of a dataset, or for the records within those of the file."""
    records = version.fields.records
    if records is None or not is_nested(file.path):
        return propose(path, version.dataset, with_profiles=True)
    around = version_in_force(connection, records.dataset)
    assert around is not None  # it cannot be retired: the relation leads to it
    parent = catalogue_in_force(connection)[records.dataset]
    return propose_nested(path, parent, around.document, records.array, version.dataset, known=version.fields)


def propose_drift(
    connection: Connection, file: LedgerFile, path: Path, version: ContractVersion
) -> StoredProposal | None:
    """Stores a proposal with the questions that a file raises; None if there are none, or all were asked before.

    Raises:
        FileError: the file cannot be read, or holds no records.
    """
    drift, proposal = find_drift(connection, file, path, version)
    asked = {
        question["id"]
        for stored in proposals_of_dataset(connection, version.dataset)
        if stored.kind == ProposalKind.DRIFT and stored.document.get("version") == version.version
        for question in stored.document.get("questions", [])
    }
    if all(question.id in asked for question in drift.questions) and not drift.is_held:
        return None
    if not drift.questions:
        return None
    text, document = drift_document(drift, proposal, plain(version.document), version.version, {})
    return store_proposal(
        connection,
        path=file.path,
        file_id=file.file_id,
        dataset=version.dataset,
        kind=ProposalKind.DRIFT,
        contract=text,
        document=document,
        created_by=BY_RULE,
    )


def carry_out(
    connection: Connection, stored: StoredProposal, dataset: Dataset, date_order: DateOrder | None = None
) -> list[Backfill]:
    """Does what the acceptance of a drift proposal leads to: moves values from `extras`, has the file loaded again.

    `dataset` is that of the accepted contract. Can be repeated: what was done before is found done.
    """
    if "drift" not in stored.document:
        return []
    before = {each["name"]: set(each.get("aliases", ())) for each in stored.document["before"]["schema"]["fields"]}
    backfills = [
        backfill_from_extras(connection, dataset, field.name, date_order=date_order)
        for field in dataset.fields
        if field.name not in before or not before[field.name].issuperset(field.aliases)
    ]
    drift = msgspec.convert(stored.document["drift"], Drift)
    if stored.file_id is not None and drift.is_held:
        ledger.request_retry(connection, stored.file_id)
    return backfills


def _is_to_ask(file: LedgerFile) -> bool:
    if file.state is FileState.FAILED:
        return True
    is_doubtful = bool(file.unknown_fields or file.records_rejected or file.warning)
    return file.state is FileState.LOADED and is_doubtful
