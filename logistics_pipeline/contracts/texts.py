"""A contract as text, as a document and as the dataset that it describes: what is compared, stored and written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from logistics_core.catalogue import ContractError, Dataset
from logistics_core.catalogue.contract_files import contract_from_document, read_document, read_text
from logistics_pipeline.contracts.versions import digest


@dataclass(frozen=True)
class ContractText:
    """A contract that was read."""

    text: str
    document: Any
    """As JSON has it: dates are texts."""
    dataset: Dataset

    @property
    def name(self) -> str:
        """The name of its dataset."""
        return self.dataset.name

    @property
    def sha256(self) -> str:
        """What it is recognised by."""
        return digest(self.text)


def contract_of_text(text: str, where: str) -> ContractText:
    """Reads a contract. `where` names it in messages.

    Raises:
        ContractError: it is not a contract, or cannot be stored as it is.
    """
    document = read_document(text, where)
    dataset = contract_from_document(document.value, where, document.places)
    as_json = msgspec.json.decode(msgspec.json.encode(document.value))
    if "\x00" in text or contract_from_document(as_json, where) != dataset or _holds_nul(as_json):
        raise ContractError(
            f"{where} holds a value that cannot be stored, such as .nan, .inf or the character NUL. Remove it, or put "
            "it in quotes."
        )
    return ContractText(text, as_json, dataset)


def contract_of_file(path: Path) -> ContractText:
    """Reads a contract file.

    Raises:
        ContractError: it cannot be read, is not a contract, or cannot be stored as it is.
    """
    return contract_of_text(read_text(path), str(path))


def _holds_nul(value: Any) -> bool:
    """Whether a text in the document has the one character that PostgreSQL does not store, or half a surrogate pair."""
    if isinstance(value, dict):
        return any(map(_holds_nul, value)) or any(map(_holds_nul, value.values()))
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\x00" in value
