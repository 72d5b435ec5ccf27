"""Versions of contracts in the database: which there are, and which one is in force. Changes no raw table."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Json

from logistics_core.catalogue import Catalogue, ContractError, Dataset, load_catalogue
from logistics_core.catalogue.stored_contracts import stored_dataset
from logistics_core.database_contract.locks import CONTRACTS_LOCK, lock_key
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.loading.database_retry import Deadline, retry_transient_errors

Found = TypeVar("Found")


@dataclass(frozen=True)
class ContractVersion:
    """An accepted version of a contract."""

    dataset: str
    version: int
    contract: str
    """The contract file as it was accepted."""
    document: Any
    """The same, read."""
    sha256: str
    is_compatible: bool
    changes: list[str]
    accepted_at: datetime
    accepted_by: str
    is_in_force: bool
    """Whether it is the version that its dataset has now."""
    retired_at: datetime | None
    """Since when its dataset is retired."""

    @property
    def fields(self) -> Dataset:
        """The dataset that it describes, without what other contracts add to it."""
        return stored_dataset(self.dataset, self.version, self.document)


_SELECT = """
SELECT dataset, contracts.version, contract, document, sha256, is_compatible, changes, accepted_at, accepted_by,
    contracts.version = in_force.version AS is_in_force, retired_at
FROM catalogue.contracts
JOIN catalogue.datasets AS in_force USING (dataset)
"""


def lock_contracts(connection: Connection) -> None:
    """Until the transaction ends, nobody else changes which datasets there are."""
    connection.execute(f"SELECT pg_advisory_xact_lock({lock_key('%s')})", (CONTRACTS_LOCK,))


def read_catalogue(settings: Settings, url: str | None = None) -> Catalogue:
    """The datasets of an installation, from its database, which is `url` if the settings do not name it.

    Without a database, as where definitions are only looked at: the built-in ones and those in the folder.

    Raises:
        TransientError: the database stayed unavailable for the time that the settings allow.
        ConfigurationError: it has not been migrated to this version.
        ContractError: a stored contract cannot be used by this version of the program.
    """
    address = url or settings.database_url
    if address is None:
        return load_catalogue(settings.contracts_dir)

    return _read(settings, address, catalogue_in_force)


@dataclass(frozen=True)
class Datasets:
    """The datasets of an installation, for Dagster's definitions."""

    in_force: Catalogue
    retired: list[Dataset]
    """Those of which only the history is shown, as far as this program can read their contracts; by name."""


def read_datasets(settings: Settings) -> Datasets:
    """The datasets of an installation, also the retired ones, through one connection.

    Without a database, those that `read_catalogue` finds. Raises what that does.
    """
    if settings.database_url is None:
        return Datasets(read_catalogue(settings), [])
    return _read(
        settings,
        settings.database_url,
        lambda connection: Datasets(catalogue_in_force(connection), _retired_datasets(connection)),
    )


def _retired_datasets(connection: Connection) -> list[Dataset]:
    where = "WHERE contracts.version = in_force.version AND retired_at IS NOT NULL"
    found = []
    for version in _fetch(connection, where, {}):
        with suppress(ContractError):
            found.append(version.fields)
    return sorted(found, key=lambda dataset: dataset.name)


def _read(settings: Settings, address: str, read: Callable[[Connection], Found]) -> Found:
    """Reads contracts, waiting for a database that is away for a moment."""

    def connect_and_read() -> Found:
        with connect(address, application_name="logistics contracts") as connection:
            return read(connection)

    try:
        return retry_transient_errors(connect_and_read, "reading the contracts", Deadline(settings.retry_seconds))
    except (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn) as error:
        raise ConfigurationError(
            "The database is not at this version, as it has no contracts: run `logistics migrate` first."
        ) from error


def versions_in_force(connection: Connection) -> dict[str, ContractVersion]:
    """The version of each dataset that is in force or was when the dataset was retired, by dataset."""
    found = _fetch(connection, 'WHERE contracts.version = in_force.version ORDER BY dataset COLLATE "C"', {})
    return {each.dataset: each for each in found}


def version_in_force(connection: Connection, dataset: str) -> ContractVersion | None:
    """The same for one dataset; None if it never had a contract."""
    where = "WHERE dataset = %(dataset)s AND contracts.version = in_force.version"
    found = _fetch(connection, where, {"dataset": dataset})
    return found[0] if found else None


def all_versions(connection: Connection, dataset: str) -> list[ContractVersion]:
    """Every version that a dataset has had, the first one first."""
    return _fetch(connection, "WHERE dataset = %(dataset)s ORDER BY contracts.version", {"dataset": dataset})


def _fetch(connection: Connection, where: str, parameters: dict[str, Any]) -> list[ContractVersion]:
    with connection.cursor(row_factory=class_row(ContractVersion)) as cursor:
        return cursor.execute(f"{_SELECT}{where}".encode(), parameters).fetchall()


def digest(contract: str) -> str:
    """What a contract is recognised by: the SHA-256 of its text."""
    return sha256(contract.encode()).hexdigest()


def add_version(
    connection: Connection,
    dataset: str,
    contract: str,
    document: Any,
    *,
    changes: list[str],
    is_compatible: bool,
    accepted_by: str,
) -> int:
    """Stores a contract as the next version of its dataset and puts it into force; returns its number.

    The caller holds the lock on contracts.
    """
    row = connection.execute(
        "INSERT INTO catalogue.contracts "
        "(dataset, version, contract, document, sha256, is_compatible, changes, accepted_by) "
        "SELECT %(dataset)s, coalesce(max(version), 0) + 1, %(contract)s, %(document)s, %(sha256)s, "
        "%(is_compatible)s, %(changes)s, %(accepted_by)s "
        "FROM catalogue.contracts WHERE dataset = %(dataset)s RETURNING version",
        {
            "dataset": dataset,
            "contract": contract,
            "document": Json(document),
            "sha256": digest(contract),
            "is_compatible": is_compatible,
            "changes": changes,
            "accepted_by": accepted_by,
        },
    ).fetchone()
    assert row is not None
    connection.execute(
        "INSERT INTO catalogue.datasets (dataset, version) VALUES (%(dataset)s, %(version)s) "
        "ON CONFLICT (dataset) DO UPDATE SET version = excluded.version, retired_at = NULL",
        {"dataset": dataset, "version": row[0]},
    )
    return int(row[0])
