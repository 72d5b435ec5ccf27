"""Makes the catalogue from the contracts that are stored in the database. Runs no query itself: each program does.

The statement is `CONTRACTS_IN_FORCE` of `logistics_core.database_contract.contracts`.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from logistics_core.catalogue.contract_files import (
    ContractError,
    built_in_catalogue,
    contract_from_document,
    make_catalogue,
)
from logistics_core.catalogue.model import Catalogue, Dataset
from logistics_core.database_contract.contracts import MAX_DATASETS

StoredContract = tuple[str, int, Any]
"""Dataset, version, the contract as a document."""


def stored_catalogue(rows: Iterable[StoredContract]) -> Catalogue:
    """The built-in datasets and those of the rows that `CONTRACTS_IN_FORCE` returns.

    Raises:
        ContractError: a stored contract cannot be used by this version of the program, or does not fit the others.
    """
    return make_catalogue([*built_in_catalogue().values(), *(stored_dataset(*row) for row in rows)])


def stored_dataset(dataset: str, version: int, document: Any) -> Dataset:
    """The dataset of a stored contract.

    Raises:
        ContractError: this version of the program cannot use it.
    """
    return _read(dataset, version, msgspec.json.encode(document))


@lru_cache(maxsize=2 * MAX_DATASETS)
def _read(dataset: str, version: int, document: bytes) -> Dataset:
    found = contract_from_document(msgspec.json.decode(document), f"Version {version} of the contract of {dataset}")
    if found.name != dataset:
        raise ContractError(
            f"Version {version} of the contract of {dataset} is stored under that name, but says {found.name}."
        )
    return found
