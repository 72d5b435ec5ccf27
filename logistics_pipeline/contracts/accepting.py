"""Accepts a contract: its version, its dataset and its raw table change in one transaction.

What happens to the file in the folder follows the commit: see `folder`. A crash in between is mended by its next sync.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from logistics_core.catalogue import ContractError, Dataset, built_in_catalogue
from logistics_core.catalogue.contract_files import BUILT_IN, make_catalogue
from logistics_core.database_contract.contracts import MAX_DATASETS
from logistics_pipeline import ledger
from logistics_pipeline.contracts.comparing import Change, Effect, are_compatible, changes_between
from logistics_pipeline.contracts.drift_questions import ask_again
from logistics_pipeline.contracts.proposals import accepted_as, supersede_proposals
from logistics_pipeline.contracts.texts import ContractText
from logistics_pipeline.contracts.versions import ContractVersion, add_version, lock_contracts, versions_in_force
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.day_indexes import build_day_index
from logistics_pipeline.database.distribution import use_one_connection_per_node
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.migrations.raw_table_changes import (
    alter_raw_table,
    change_key,
    drop_raw_table,
    is_raw_table_empty,
    rows_fit_key,
)
from logistics_pipeline.migrations.raw_tables import make_raw_table
from logistics_pipeline.migrations.row_widths import too_wide

LOCK_TIMEOUT = "10s"
"""How long a change of a table waits for batches that are being written; every other session waits for it meanwhile."""


class RefusedContractError(PipelineError):
    """A contract cannot be accepted as it is; the message says what to do."""


@dataclass(frozen=True)
class Accepted:
    """What accepting a contract has done."""

    dataset: str
    version: int
    changes: list[Change]
    """What differs from the version before; none for a first one."""
    is_new: bool
    """Whether the dataset is new, or was retired."""
    followed: tuple[str, ...] = ()
    """What was done after that, one sentence each: values moved from `extras`."""
    is_unchanged: bool = False
    """Whether this very text was in force already."""


def accept_contract(
    connection: Connection,
    contract: ContractText,
    *,
    accepted_by: str,
    may_break: bool = False,
    proposal_id: UUID | None = None,
) -> Accepted:
    """Puts a contract into force and makes or alters its raw table.

    A breaking change is accepted if it `may_break`, and then only if the table can follow it. The proposal that the
    contract comes from, if it comes from one, is accepted in the same transaction. Other changes that were proposed for
    the dataset are asked again for the new version, as far as it leaves them open.

    Raises:
        ContractError: it does not fit the contracts of the other datasets.
        RefusedContractError: it is a breaking change, its rows would be too wide, or there are too many datasets.
    """
    with changing_tables(connection):
        known = versions_in_force(connection)
        old = known.get(contract.name)
        if old is not None and old.retired_at is None and old.sha256 == contract.sha256:
            if proposal_id is not None:
                accepted_as(connection, proposal_id, old.version, accepted_by)
            return Accepted(contract.name, old.version, [], is_new=False, is_unchanged=True)
        _check_fit(contract, known)
        changes = changes_between(old.fields, contract.dataset) if old is not None else []
        _make_table(connection, old, contract.dataset, changes, may_break=may_break)
        version = add_version(
            connection,
            contract.name,
            contract.text,
            contract.document,
            changes=[change.text for change in changes],
            is_compatible=are_compatible(changes),
            accepted_by=accepted_by,
        )
        if proposal_id is not None:
            accepted_as(connection, proposal_id, version, accepted_by)
        ask_again(connection, contract.dataset, contract.document, version, accepted_by)
        _recognise_files(connection, contract.name)
    if connection.info.transaction_status is TransactionStatus.IDLE:  # otherwise the next migration builds it
        build_day_index(connection, contract.dataset)
    return Accepted(contract.name, version, changes, is_new=old is None or old.retired_at is not None)


@contextmanager
def changing_tables(connection: Connection) -> Iterator[None]:
    """A transaction in which nobody else changes datasets, and which does not wait for tables without end."""
    with connection.transaction():
        lock_contracts(connection)
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_TIMEOUT))
        use_one_connection_per_node(connection)
        yield


def _recognise_files(connection: Connection, dataset: str) -> None:
    """Registers the files that waited for the dataset: the order in which they were found decides, as always."""
    catalogue = catalogue_in_force(connection)
    for file_id, path in ledger.unrecognised_files(connection):
        within = ledger.file_by_id(connection, file_id).place_path
        if catalogue.dataset_of_path(within) == dataset and ledger.recognise(connection, file_id, dataset):
            supersede_proposals(connection, path, dataset)
    around = catalogue[dataset].records
    if around is not None:
        ledger.register_nested(connection, around.dataset, dataset)
    for name in catalogue.nested_in(dataset):
        ledger.register_nested(connection, dataset, name)


def _check_fit(contract: ContractText, known: dict[str, ContractVersion]) -> None:
    if contract.name in BUILT_IN:
        raise RefusedContractError(
            f"{contract.name} is a built-in dataset, whose contract cannot be changed. Give the dataset another name."
        )
    why = too_wide(contract.dataset)
    if why is not None:
        raise RefusedContractError(why)
    others = [each for name, each in known.items() if name != contract.name]
    in_force = [each for each in others if each.retired_at is None]
    if len(in_force) >= MAX_DATASETS:
        raise RefusedContractError(
            f"There are {len(in_force)} datasets already, and at most {MAX_DATASETS} can be in force. "
            "Retire one first: logistics contracts retire NAME"
        )
    make_catalogue([*built_in_catalogue().values(), *(each.fields for each in in_force), contract.dataset])
    _check_names_of_retired(contract.dataset, [each for each in others if each.retired_at is not None])


def _check_names_of_retired(dataset: Dataset, retired: list[ContractVersion]) -> None:
    """The tables of retired datasets stay, and so do their indexes."""
    names = {index.name for index in dataset.indexes} | {dataset.name}
    for each in retired:
        taken = names & ({index.name for index in each.fields.indexes} | {each.dataset, f"{each.dataset}_pkey"})
        if taken:
            raise ContractError(
                f"{dataset.name}: the retired dataset {each.dataset} has an index or a table named {taken.pop()}. "
                "Rename the index."
            )


def _make_table(
    connection: Connection, old: ContractVersion | None, new: Dataset, changes: list[Change], *, may_break: bool
) -> None:
    breaking = [change for change in changes if not change.is_compatible]
    if breaking and not may_break:
        raise RefusedContractError(
            f"Version {old.version if old else 0} of the contract of {new.name} stays in force: the new one is a "
            f"breaking change. {_list(breaking)} To accept it all the same: logistics contracts accept FILE"
        )
    for_table = [change for change in breaking if change.effect is Effect.TABLE]
    if old is None:
        make_raw_table(connection, new)
    elif not for_table:
        make_raw_table(connection, old.fields)  # if it was removed when the dataset was retired
        alter_raw_table(connection, old.fields, new)
    elif is_raw_table_empty(connection, new.name):
        drop_raw_table(connection, new.name)
        make_raw_table(connection, new)
    elif _is_key_alone(old.fields, new) and rows_fit_key(connection, old.fields, new):
        with_old_key = _with_key_of(old.fields, new)
        alter_raw_table(connection, old.fields, with_old_key)
        _change_key(connection, with_old_key, new)
    else:
        raise RefusedContractError(_how_to_empty(connection, new, for_table))


def _with_key_of(old: Dataset, new: Dataset) -> Dataset:
    """The new contract but for its key, and for what is required because of it."""
    was_required = {field.name for field in old.fields if field.required}
    optional = set(new.key) - was_required
    fields = tuple(replace(field, required=False) if field.name in optional else field for field in new.fields)
    return replace(new, key=old.key, fields=fields)


def _is_key_alone(old: Dataset, new: Dataset) -> bool:
    """Whether the table could follow the new contract if it had the key of the old one."""
    left = changes_between(old, _with_key_of(old, new))
    return not any(change.effect is Effect.TABLE for change in left)


def _change_key(connection: Connection, old: Dataset, new: Dataset) -> None:
    try:
        change_key(connection, old, new)
    except errors.ProgramLimitExceeded as error:
        raise RefusedContractError(
            f"{', '.join(new.key)} cannot be the key of {new.name}: the values of a row are too long for an index. "
            "Choose fields with shorter values."
        ) from error


def _how_to_empty(connection: Connection, dataset: Dataset, changes: list[Change]) -> str:
    table = sql.Identifier("raw", dataset.name)
    row = connection.execute(sql.SQL("SELECT count(*), count(DISTINCT file_id) FROM {}").format(table)).fetchone()
    rows, files = row or (0, 0)
    return (
        f"{dataset.table} has {rows:,} rows of {files:,} {'file' if files == 1 else 'files'}, which the new contract "
        f"does not fit. {_list(changes)} Unload the files first (logistics files --dataset {dataset.name} lists them, "
        "logistics unload FILE unloads one), accept the contract, then load them again (logistics retry FILE). Or give "
        "the new contract another name."
    )


def _list(changes: list[Change]) -> str:
    shown = " ".join(change.text for change in changes[:10])
    return f"{shown} And {len(changes) - 10:,} more." if len(changes) > 10 else shown
