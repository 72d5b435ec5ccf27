"""Retires a dataset: its files are not loaded any more. Its table stays, unless its rows are to be removed as well."""

from collections.abc import Callable
from dataclasses import dataclass

from logistics_core.catalogue import Catalogue, ContractError, built_in_catalogue
from logistics_core.catalogue.contract_files import BUILT_IN, make_catalogue
from logistics_core.database_contract.contracts import ProposalState
from logistics_pipeline import ledger
from logistics_pipeline.contracts.accepting import RefusedContractError, changing_tables
from logistics_pipeline.contracts.versions import ContractVersion, version_in_force, versions_in_force
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.unload import OnWait, unload_file
from logistics_pipeline.migrations.raw_table_changes import drop_raw_table, is_raw_table_empty


@dataclass(frozen=True)
class Retired:
    """What retiring a dataset has done."""

    dataset: str
    was_retired_before: bool
    files_unloaded: int = 0
    rows_removed: int = 0


def retire_dataset(connection: Connection, dataset: str, *, retired_by: str) -> Retired:
    """Takes the contract of a dataset out of force. Its table and its files in the ledger stay.

    Raises:
        RefusedContractError: there is no such dataset, it is a built-in one, or others refer to it.
    """
    with changing_tables(connection):
        known = versions_in_force(connection)
        version = _retirable(dataset, known)
        if version.retired_at is not None:
            return Retired(dataset, was_retired_before=True)
        _refuse_if_needed(dataset, known)
        connection.execute(
            "UPDATE catalogue.datasets SET retired_at = clock_timestamp() WHERE dataset = %s", (dataset,)
        )
        connection.execute(
            f"UPDATE catalogue.proposals SET state = '{ProposalState.SUPERSEDED}', ended_at = clock_timestamp(), "
            f"ended_by = %s WHERE dataset = %s AND state = '{ProposalState.OPEN}'",
            (retired_by, dataset),
        )
    return Retired(dataset, was_retired_before=False)


def _retirable(dataset: str, known: dict[str, ContractVersion]) -> ContractVersion:
    if dataset in BUILT_IN:
        raise RefusedContractError(f"{dataset} is a built-in dataset: it cannot be retired.")
    if dataset not in known:
        names = ", ".join(known) or "none"
        raise RefusedContractError(f"There is no dataset {dataset!r} that could be retired. There are: {names}.")
    return known[dataset]


def _refuse_if_needed(dataset: str, known: dict[str, ContractVersion]) -> None:
    left = [each.fields for name, each in known.items() if name != dataset and each.retired_at is None]
    try:
        make_catalogue([*built_in_catalogue().values(), *left])
    except ContractError as error:
        raise RefusedContractError(
            f"{dataset} cannot be retired, as another dataset needs it. {error} Retire that one first, or remove the "
            "relation from its contract."
        ) from error


def remove_rows(
    url: str,
    dataset: str,
    options: LoadOptions,
    *,
    on_wait: OnWait = lambda path: None,
    on_file: Callable[[str], None] = lambda path: None,
) -> Retired:
    """Unloads every file of a retired dataset and drops its table. Can be repeated after an interruption.

    The files in the ledger stay, as unloaded, and so do the versions of the contract.

    Raises:
        RefusedContractError: there is no such dataset, or it is not retired.
    """
    with connect(url) as connection:
        version = version_in_force(connection, dataset)
        if version is None or version.retired_at is None:
            raise RefusedContractError(f"Only a retired dataset can be removed; {dataset} is none.")
        files = [
            file
            for file in ledger.files_in_order(connection)
            if file.dataset == dataset and (file.records_loaded or file.records_superseded or file.records_rejected)
        ]
    known = LoadOptions(**{**options.__dict__, "catalogue": _with(options.catalogue, version)})
    rows = 0
    for file in files:
        on_file(file.path)
        rows += unload_file(url, file.path, known, version=file.version, on_wait=on_wait).removed.rows
    with connect(url) as connection, changing_tables(connection):
        if is_raw_table_empty(connection, dataset):
            drop_raw_table(connection, dataset)
    return Retired(dataset, was_retired_before=True, files_unloaded=len(files), rows_removed=rows)


def _with(catalogue: Catalogue, version: ContractVersion) -> Catalogue:
    return Catalogue({**catalogue, version.dataset: version.fields})
