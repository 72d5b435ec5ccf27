"""A contract as a response: as it was accepted, or in the format of others."""

from collections.abc import Mapping
from typing import Any

import msgspec

from logistics_api.errors import Problem
from logistics_core.catalogue import Catalogue, ContractError
from logistics_core.catalogue.contract_files import BUILT_IN, BUILT_IN_FOLDER, SUFFIX, document_of, read_text
from logistics_core.catalogue.stored_contracts import stored_dataset
from logistics_core.contract_exports import ExportFormat, export_contract


def built_in_summary(name: str, catalogue: Catalogue, prefix: str) -> dict[str, Any]:
    """A built-in dataset."""
    found = {"dataset": name, "title": catalogue[name].title, "version": 1}
    missing = dict.fromkeys(("accepted_at", "accepted_by", "retired_at"))
    return summary({**found, **missing}, catalogue, prefix)


def summary(found: Mapping[str, Any], catalogue: Catalogue, prefix: str) -> dict[str, Any]:
    """A dataset and its version in force."""
    name = found["dataset"]
    return {
        **found,
        "is_built_in": name in BUILT_IN,
        "is_served": name in catalogue,
        "url": f"{prefix}/api/contracts/{name}",
    }


def built_in_text(name: str) -> str:
    """The contract of a built-in dataset."""
    return read_text(BUILT_IN_FOLDER / f"{name}{SUFFIX}")


def document(name: str, version: int, text: str, stored: Any, format: ExportFormat | None) -> dict[str, Any]:
    """A contract in a format. `stored` is the document of a contract in the database; None for a built-in one.

    Raises:
        Problem: 409, this version of the program cannot read it.
    """
    plain = stored if stored is not None else _as_json(document_of(text, name))
    if format is None:
        return dict(plain)
    try:
        return export_contract(stored_dataset(name, version, plain), plain, version, format)
    except ContractError as error:
        raise Problem(409, "contract-not-readable", "Contract not readable", str(error)) from error


def _as_json(document: object) -> Any:
    """As JSON has it: dates are texts."""
    return msgspec.json.decode(msgspec.json.encode(document))
