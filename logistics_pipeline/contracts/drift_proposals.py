"""What follows when a file differs from the contract of its dataset: a proposal of kind `drift`, or a version by rule.

A file is looked at after its load: if it failed, was loaded with rejects or a warning, or has columns that the contract
does not know. What a person answers becomes a version of the contract; then values are moved from `extras`, and a file
that failed is loaded again. What `inference.drift` finds is only stored and carried out here.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from psycopg import errors

from logistics_core.catalogue import ContractError, Dataset, FieldType
from logistics_core.catalogue.contract_files import BUILT_IN
from logistics_core.catalogue.model import TEMPORAL_TYPES
from logistics_core.catalogue.time_patterns import date_order_of
from logistics_core.database_contract.contracts import ProposalKind
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.contracts.accepting import Accepted, RefusedContractError, accept_contract
from logistics_pipeline.contracts.backfill import Backfill, backfill_from_extras
from logistics_pipeline.contracts.drift_questions import drift_document, plain, yaml_of
from logistics_pipeline.contracts.proposals import StoredProposal, proposals_of_dataset, store_proposal
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import ContractVersion, version_in_force
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.folder import is_nested
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.inference.drift import Drift, KnownFile, compare
from logistics_pipeline.inference.key_conflicts import KeyConflict
from logistics_pipeline.inference.nested import propose_nested
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.ledger.file_profiles import MOST_EARLIER_FILES
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_formats import stored_formats
from logistics_pipeline.loading.layouts import CsvLayout, layout_from_json
from logistics_pipeline.loading.write.key_guard import conflict_sentence

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


def follow_file(connection: Connection, file: LedgerFile, path: StoredFile) -> Followed:
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
    connection: Connection, file: LedgerFile, path: StoredFile, version: ContractVersion
) -> tuple[Drift, Proposal]:
    """Compares a file with the contract of its dataset and with the files loaded before it.

    Raises:
        FileError: it cannot be read, or holds no records.
    """
    proposal = _propose_again(connection, file, path, version)
    earlier = ledger.earlier_profiles(connection, version.dataset, file.file_id)
    layouts = ledger.layouts_before(connection, version.dataset, file.file_id)
    known = known_file(version.fields, layouts)
    known = msgspec.structs.replace(known, key_conflict=_key_conflict(connection, file, version.fields))
    return compare(version.fields, proposal, earlier, known), proposal


def _propose_again(connection: Connection, file: LedgerFile, path: StoredFile, version: ContractVersion) -> Proposal:
    """What would be proposed for a file of a dataset, or for the records within those of the file."""
    records = version.fields.records
    if records is None or not is_nested(file.path):
        return propose(path, version.dataset, with_profiles=True)
    around = version_in_force(connection, records.dataset)
    assert around is not None  # it cannot be retired: the relation leads to it
    parent = catalogue_in_force(connection)[records.dataset]
    return propose_nested(path, parent, around.document, records.array, version.dataset, known=version.fields)


def known_file(dataset: Dataset, layouts: Sequence[Mapping[str, Any]]) -> KnownFile:
    """How earlier files were written, by their layouts as the ledger stores them, the newest first.

    The order of dates is that of the contract or, where it gives none, of the newest file that has proven one.
    """
    orders: dict[str, str] = {}
    for layout in reversed(layouts):
        dates = stored_formats(layout).dates or {}
        orders |= {name: reading.order for name, reading in dates.items() if reading.order is not None}
    for field in dataset.fields:
        if field.type in TEMPORAL_TYPES and field.format not in (None, "default"):
            orders[field.name] = date_order_of(str(field.format))
    newest = layouts[0] if layouts else None
    layout = layout_from_json(dict(newest)) if newest is not None else None
    csv = layout if isinstance(layout, CsvLayout) else None
    return KnownFile(
        columns=() if csv is None else csv.header,
        delimiter=None if csv is None else csv.delimiter,
        encoding=None if newest is None else newest.get("encoding"),
        date_orders=orders,
    )


def _key_conflict(connection: Connection, file: LedgerFile, dataset: Dataset) -> KeyConflict | None:
    """What the load has found about keys of other records; None if a person has confirmed the key."""
    found = None if dataset.is_key_confirmed else ledger.key_conflicts(connection, file.file_id)
    if found is None:
        return None
    others = list(found.others)[:MOST_EARLIER_FILES]
    return KeyConflict(
        text=conflict_sentence(found),
        records=found.records,
        is_held=found.is_held,
        others=tuple(ledger.file_profile(connection, other_id) for other_id in others),
    )


def propose_drift(
    connection: Connection, file: LedgerFile, path: StoredFile, version: ContractVersion
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
