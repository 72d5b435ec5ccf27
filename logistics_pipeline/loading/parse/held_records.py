"""Records held back: those with a date that only its whole file explains, while the file is read to its end.

Dates that are written plainly prove nothing, so what a file proves of its dates is found by the way, among the values
that are not plain. The records that depend on it are few in a file of ISO dates. They are kept here, and become rows
and rejects in a last chunk, with the numbers that they have in the file. A file with many of them is searched for the
proof at once (`parsers.find_formats`).

The ledger keeps the numbers of records that are held back, and counts these only once they are released.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.loading.contract.date_evidence import DateEvidence
from logistics_pipeline.loading.contract.dates import possible_orders, without_time
from logistics_pipeline.loading.contract.file_formats import FileFormats
from logistics_pipeline.loading.layouts import Layout, NestedLayout, RawRecord

MOST_RECORDS = 20_000
"""The ledger keeps their numbers."""
MOST_BYTES = 2 << 20
"""Of text. Values may take many times as much memory."""
LONGEST_RECORD_BYTES = 16 << 10
MOST_SHARE = 16
"""One in this many records, at most."""


class HeldRecord(NamedTuple):
    """A record that is held back."""

    raw_record: RawRecord
    value: object


class FoundDate(NamedTuple):
    """A date of all numbers."""

    field: str
    text: str
    record_no: int


class HeldRecords:
    """Those of one file, and what its values prove. Bounded memory."""

    def __init__(self, dataset: Dataset) -> None:
        self.records: list[HeldRecord] = []
        self._size = 0
        self._evidence = {field.name: DateEvidence(field.missing_words) for field in date_fields(dataset)}

    def has_room_for(self, held: Sequence[HeldRecord], records_read: int) -> bool:
        """Whether further records can be held back, of a file of which so many have been read with them."""
        sizes = [len(each.raw_record.raw) for each in held]
        count = len(self.records) + len(held)
        return (
            count <= MOST_RECORDS
            and count * MOST_SHARE <= records_read
            and self._size + sum(sizes) <= MOST_BYTES
            and max(sizes, default=0) <= LONGEST_RECORD_BYTES
        )

    def take(self, held: Sequence[HeldRecord], dates: Iterable[FoundDate]) -> None:
        """Takes what was found in the records that follow those of the last call."""
        self.records += held
        self._size += sum(len(each.raw_record.raw) for each in held)
        for found in dates:
            self._evidence[found.field].add([found.text], [found.record_no])

    def formats(self) -> FileFormats:
        """How the dates of the file are written, once all its records were taken."""
        found = {name: reading for name, each in self._evidence.items() if (reading := each.reading()) is not None}
        return FileFormats(None, found)

    def clear(self) -> None:
        """Forgets the records: they are released."""
        self.records = []
        self._size = 0


def can_hold(dataset: Dataset, layout: Layout) -> bool:
    """Whether records of a file can be held back: each is a record of its own, and is read by its dates alone.

    Keys that nobody has confirmed are compared in the order of the file, and a field of integers may become one of
    numbers.
    """
    fields = date_fields(dataset)
    return (
        bool(fields)
        and all(field.type is FieldType.DATE for field in fields)
        and not any(possible_orders(without_time(word)) for field in fields for word in field.missing_words)
        and all(field.type is not FieldType.INTEGER or field.name in dataset.key for field in dataset.fields)
        and (dataset.is_key_confirmed or not dataset.key)
        and not isinstance(layout, NestedLayout)
    )


def date_fields(dataset: Dataset) -> list[Field]:
    """The fields whose dates a file may write in a form of its own."""
    return [field for field in dataset.fields if field.formatted_as is FieldType.DATE]
