"""What a file looks like inside: plain data, made by `detection`, understood by `reader`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from logistics_pipeline.loading.excerpts import shown


@dataclass(frozen=True)
class ElementsLayout:
    """Records are the elements of a JSON array, which may stand inside objects."""

    start: int
    """Offset of the first byte after the array's opening bracket."""
    keys: tuple[str, ...] = ()
    """The keys that lead to the array; empty for an array at the top."""

    @property
    def name(self) -> str:
        return f"json array under {shown('.'.join(self.keys), 100)}" if self.keys else "json array"


@dataclass(frozen=True)
class ObjectsLayout:
    """Records are JSON objects one after the other, each over any number of lines."""

    start: int
    name: str = "json objects"


@dataclass(frozen=True)
class LinesLayout:
    """Records are JSON objects, one per line (NDJSON, JSON Lines)."""

    start: int
    name: str = "ndjson"


@dataclass(frozen=True)
class CsvLayout:
    """Records are rows below a header."""

    start: int
    """Offset of the first byte after the header."""
    delimiter: str
    newline: bytes
    header: tuple[str, ...]
    header_text: bytes
    """The header as it stands in the file: an export of rejected rows begins with it."""

    @property
    def name(self) -> str:
        return f"csv with {_DELIMITER_NAMES[self.delimiter]}"


_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
DELIMITERS = tuple(_DELIMITER_NAMES)

Layout = ElementsLayout | ObjectsLayout | LinesLayout | CsvLayout


@dataclass(frozen=True)
class Unreadable:
    """Stands in for the value of a record that could not be decoded on its own."""

    reason: str


class Place(NamedTuple):
    """Where a record stands in its file, and what it looks like there."""

    record_no: int
    """Counts from 1 in the file."""
    byte_offset: int | None
    """Of its first byte."""
    raw: bytes


class Records(NamedTuple):
    """Consecutive records of a file, decoded."""

    before: int
    """Records of the file before the first of these."""
    values: Sequence[object]
    """A mapping of field names to values if all is well; anything else is not a record. Perhaps a `Table`."""
    end: int
    """Offset behind the last: a load that has committed them resumes here."""
    place: Callable[[int], Place]
    """Finds the place of the i-th (from 0). Asked for few: only what is rejected needs it."""


class Table(Sequence[object]):
    """Records that all have the same fields, held as columns: a record becomes a mapping when it is asked for."""

    def __init__(
        self, columns: Mapping[str, Sequence[object]], count: int, others: Mapping[int, object] | None = None
    ) -> None:
        self.columns = columns
        """A value for each record: None where it is absent or null, and where there is no record."""
        self._count = count
        self._others = others or {}
        """What stands, by its index, where there is no record."""

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        if not 0 <= index < self._count:
            raise IndexError(index)
        if index in self._others:
            return self._others[index]
        return {name: column[index] for name, column in self.columns.items()}
