"""How the values of one file are written, as far as its own columns prove it. Pure: values in, readings out.

A load starts without. The first value that only its whole column can explain raises `columns.FormatsNeededError`; the
file is then read once from its beginning to its end (`parse.parsers.find_formats`). The outcome depends on nothing but
the file's content, the contract and `LOGISTICS_DATE_ORDER`. It is stored with the file's layout: a load that resumes
and a replay of rejects read values alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from logistics_pipeline.loading.contract.date_evidence import DateReading
from logistics_pipeline.loading.contract.number_evidence import NumberReading


@dataclass(frozen=True)
class FileFormats:
    """How to read the numbers and dates of a file that are not written as the contract writes them."""

    numbers: Mapping[str, NumberReading] = field(default_factory=dict)
    """By field. Numbers of other fields are written as the contract writes them."""
    dates: Mapping[str, DateReading] = field(default_factory=dict)
    """By field. Empty where a setting gave the order."""

    def notes(self) -> tuple[str, ...]:
        """What the ledger says about the file, one sentence each."""
        dates = [note for name, reading in self.dates.items() if (note := reading.note(name))]
        return (*dates, *(note for name, reading in self.numbers.items() for note in reading.notes(name)))

    def to_json(self) -> dict[str, Any]:
        """Returns it as the ledger stores it."""
        return {
            "numbers": {name: reading.to_json() for name, reading in self.numbers.items()},
            "dates": {name: reading.to_json() for name, reading in self.dates.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "FileFormats":
        """Returns what `to_json` made."""
        return cls(
            {name: NumberReading.from_json(each) for name, each in document["numbers"].items()},
            {name: DateReading.from_json(each) for name, each in document["dates"].items()},
        )


AS_THE_CONTRACT = FileFormats()
"""Nothing is written otherwise, or it is not known how."""


def stored_formats(layout: Mapping[str, Any] | None) -> FileFormats | None:
    """Returns what the ledger stores with a file's layout; None if it was never needed."""
    return FileFormats.from_json(layout["values"]) if layout is not None and "values" in layout else None
