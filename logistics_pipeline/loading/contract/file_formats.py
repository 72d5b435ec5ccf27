"""How the values of one file are written, as far as its own columns prove it. Pure: values in, readings out.

A load starts without. The first number that only its whole column can explain raises `columns.FormatsNeededError`; the
file is then read once from its beginning to its end for its numbers (`parse.parsers.find_formats`). The same goes for
dates, unless the few records with such dates are held back until the file was read (`parse.held_records`). The outcome
depends on nothing but the file's content, the contract and `LOGISTICS_DATE_ORDER`. It is stored with the file's layout:
a load that resumes and a replay of rejects read values alike.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from logistics_core.catalogue import FieldType
from logistics_pipeline.loading.contract.date_evidence import DateReading
from logistics_pipeline.loading.contract.number_evidence import NumberReading

FORMATTED_TYPES = frozenset({FieldType.NUMBER, FieldType.DATE})
"""What files write in formats of their own."""


@dataclass(frozen=True)
class FileFormats:
    """How to read the numbers and dates of a file that are not written as the contract writes them."""

    numbers: Mapping[str, NumberReading] | None = field(default_factory=dict)
    """By field. Numbers of other fields are written as the contract writes them. None: not looked for yet."""
    dates: Mapping[str, DateReading] | None = field(default_factory=dict)
    """By field. Empty where a setting gave the order. None: not looked for yet."""

    @property
    def not_looked_for(self) -> Collection[FieldType]:
        """The types of fields whose formats nothing has needed yet."""
        readings = {FieldType.NUMBER: self.numbers, FieldType.DATE: self.dates}
        return [type for type, found in readings.items() if found is None]

    def completed_by(self, other: "FileFormats") -> "FileFormats":
        """Both, where one knows what the other does not."""
        return FileFormats(
            other.numbers if self.numbers is None else self.numbers, other.dates if self.dates is None else self.dates
        )

    def notes(self) -> tuple[str, ...]:
        """What the ledger says about the file, one sentence each."""
        dates = [note for name, reading in (self.dates or {}).items() if (note := reading.note(name))]
        return (*dates, *(note for name, reading in (self.numbers or {}).items() for note in reading.notes(name)))

    def to_json(self) -> dict[str, Any]:
        """Returns it as the ledger stores it."""
        known = {"numbers": self.numbers, "dates": self.dates}
        return {
            kind: {name: reading.to_json() for name, reading in readings.items()}
            for kind, readings in known.items()
            if readings is not None
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "FileFormats":
        """Returns what `to_json` made."""
        numbers, dates = document.get("numbers"), document.get("dates")
        return cls(
            None if numbers is None else {name: NumberReading.from_json(each) for name, each in numbers.items()},
            None if dates is None else {name: DateReading.from_json(each) for name, each in dates.items()},
        )


NOT_LOOKED_FOR = FileFormats(None, None)
"""Nothing has been needed yet."""
AS_THE_CONTRACT = FileFormats()
"""Nothing is written otherwise, or it is not known how."""


def stored_formats(layout: Mapping[str, Any] | None) -> FileFormats:
    """Returns what the ledger stores with a file's layout."""
    return FileFormats.from_json(layout["values"]) if layout is not None and "values" in layout else NOT_LOOKED_FOR
