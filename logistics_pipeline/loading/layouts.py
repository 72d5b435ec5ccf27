"""A file's layout and the records read from it: plain data, made by `formats.detection`, used by `formats.reader`."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.excerpts import excerpt


@dataclass(frozen=True)
class OtherArrays:
    """Which arrays beside the one with the records hold records, too, so that nothing tells which are meant."""

    marks: frozenset[str]
    """The fields that show a record (`Dataset.marks`): an array whose first element has all of them holds records."""
    only_name: str | None
    """Only arrays of this name count: the array with the records has the dataset's name."""
    names_of_others: frozenset[str]
    """Arrays of these names hold records of other datasets."""
    places: Mapping[tuple[str | None, str], str] = field(default_factory=dict)
    """Where the marks are in a record, if they have other names there: the object they are in, and the name."""

    def may_hold_records(self, name: str) -> bool:
        """Whether records may be in the array of a name, in the spelling of datasets."""
        return name not in self.names_of_others and self.only_name in (None, name)


@dataclass(frozen=True)
class ElementsLayout:
    """Records are the elements of a JSON array, which may be nested in objects."""

    start: int
    """Offset of the first byte after the array's opening bracket."""
    keys: tuple[str, ...] = ()
    """The keys that lead to the array; empty for an array at the top."""
    others: OtherArrays | None = field(default=None, compare=False)
    """What else may hold records in the same object; None for an array at the top."""

    @property
    def name(self) -> str:
        return f"json array under {excerpt('.'.join(self.keys), 100)}" if self.keys else "json array"


@dataclass(frozen=True)
class ObjectsLayout:
    """Records are consecutive JSON objects, each on any number of lines."""

    start: int
    name: str = "json objects"


@dataclass(frozen=True)
class LinesLayout:
    """Records are JSON objects, one per line (NDJSON, JSON Lines)."""

    start: int
    name: str = "ndjson"


@dataclass(frozen=True)
class CsvSyntax:
    """How the text of a CSV file is split into rows and cells. Plain is what RFC 4180 says."""

    delimiter: str
    newline: bytes
    """What ends a line; carriage returns before a line feed belong to it."""
    quote: str = '"'
    doubles_quotes: bool = True
    """Two quotes within quotes are one."""
    escape: str | None = None
    """Before a quote, a delimiter, a line break or itself, it says that this is text; before anything else, it is."""
    skips_spaces: bool = False
    """Blanks at the beginning of a cell do not belong to it."""
    comment: str | None = None
    """Lines that begin with it are no rows."""

    @property
    def is_plain(self) -> bool:
        return self == CsvSyntax(self.delimiter, self.newline)


@dataclass(frozen=True)
class CsvLayout:
    """Records are rows below a header."""

    start: int
    """Offset of the first byte after the header."""
    delimiter: str
    newline: bytes
    header: tuple[str, ...]
    header_text: bytes
    """The header as written in the file: an export of rejected rows begins with it."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """How the header was read where that is not plain."""
    quote: str = '"'
    doubles_quotes: bool = True
    escape: str | None = None
    skips_spaces: bool = False
    comment: str | None = None

    @property
    def syntax(self) -> CsvSyntax:
        """How rows are split into cells."""
        return CsvSyntax(
            self.delimiter,
            self.newline,
            self.quote,
            self.doubles_quotes,
            self.escape,
            self.skips_spaces,
            self.comment,
        )

    @property
    def name(self) -> str:
        return f"csv with {delimiter_name(self.delimiter)}"


_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
DELIMITERS = tuple(_DELIMITER_NAMES)


def delimiter_name(delimiter: str) -> str:
    """What a delimiter is called: `commas`, or `'^'` if it has no name."""
    return _DELIMITER_NAMES.get(delimiter, repr(delimiter))


@dataclass(frozen=True)
class NestedLayout:
    """Records are the elements of an array within each record of a file."""

    around: ElementsLayout | ObjectsLayout | LinesLayout | CsvLayout
    """How the records around them follow each other."""
    dataset: Dataset
    """The dataset of the elements."""

    @property
    def start(self) -> int:
        """Where the first record around them may begin."""
        return self.around.start

    @property
    def name(self) -> str:
        return f"{self.around.name}, arrays in it"


Layout = ElementsLayout | ObjectsLayout | LinesLayout | CsvLayout | NestedLayout

_JSON_LAYOUTS: dict[str, Layout] = {
    "elements": ElementsLayout(0),
    "objects": ObjectsLayout(0),
    "lines": LinesLayout(0),
}
"""To read a JSON record by itself, it is enough to know how records follow each other, not where they begin."""


def layout_to_json(layout: Layout) -> dict[str, Any]:
    """Returns the part of a layout that the ledger stores, as a JSON document: enough to read one record by itself."""
    if isinstance(layout, CsvLayout):
        return {
            "kind": "csv",
            "delimiter": layout.delimiter,
            "newline": layout.newline.decode(),
            "names": list(layout.header),
            "header": layout.header_text.decode("utf-8", "replace"),
            **_unusual_syntax(layout),
        }
    if isinstance(layout, NestedLayout):
        layout = LinesLayout(0)  # as rejects of nested records are kept: an object on a line
    return {"kind": next(kind for kind, known in _JSON_LAYOUTS.items() if isinstance(layout, type(known)))}


def _unusual_syntax(layout: CsvLayout) -> dict[str, Any]:
    """The parts of a layout's syntax that are not plain."""
    plain = CsvSyntax(layout.delimiter, layout.newline)
    return {key: value for key in _SYNTAX_KEYS if (value := getattr(layout, key)) != getattr(plain, key)}


_SYNTAX_KEYS = ("quote", "doubles_quotes", "escape", "skips_spaces", "comment")


def layout_from_json(document: dict[str, Any] | None) -> Layout | None:
    """Returns the stored layout, without offsets; None if none was stored (CSV loaded by an early version)."""
    if document is None:
        return None
    if document["kind"] != "csv":
        return _JSON_LAYOUTS[document["kind"]]
    return CsvLayout(
        start=0,
        delimiter=document["delimiter"],
        newline=document["newline"].encode(),
        header=tuple(document["names"]),
        header_text=document["header"].encode(),
        **{key: document[key] for key in _SYNTAX_KEYS if key in document},
    )


@dataclass(frozen=True)
class Unreadable:
    """Takes the place of a record's value if the record could not be decoded."""

    reason: str
    field: str | None = None
    """The field at fault, where one is."""
    is_json: bool = False
    """Whether its beginning and end are certain all the same: the file can be read on after it."""
    names: frozenset[str] = frozenset()
    """The names of its fields, if they are certain."""


@dataclass(frozen=True)
class LongText:
    """Takes the place of a text too long for any field, so that the text need not be held in memory."""

    beginning: str
    characters: int
    """Its length, without blanks at either end."""


@dataclass(frozen=True)
class UnclearValue:
    """Takes the place of a field's value if the record does not tell which it is."""

    reason: str
    """Written to follow the name of the field."""
    written: object
    """What the record holds instead."""

    def __hash__(self) -> int:
        return hash(self.reason)


class JsonObject(dict[str, object]):
    """An object that remembers a name that it held before: of the values of one name, only the last is kept."""

    repeated: str | None = None
    """A name that occurs several times."""

    def __setitem__(self, name: str, value: object) -> None:
        if name in self:
            self.repeated = name
        super().__setitem__(name, value)


def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Makes an object of its members, as the hook of a decoder."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = JsonObject(found)
    repeated.repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
    return repeated


class LargeNested:
    """What stands for an array or an object that was left out of a `LargeObject`."""


class LargeArray(LargeNested, list[object]):
    """Stands for an array."""


class LargeMember(LargeNested, dict[str, object]):
    """Stands for an object."""


class LargeObject(dict[str, object]):
    """A record so large that what is nested in its fields was left out: empty arrays and objects stand for it."""


class RawRecord(NamedTuple):
    """A record as it appears in its file, and where."""

    record_no: int
    """Counts from 1 in the file."""
    byte_offset: int | None
    """Of its first byte."""
    raw: bytes


class Records(NamedTuple):
    """Consecutive decoded records of a file."""

    before: int
    """Records of the file before the first of these."""
    values: Sequence[object]
    """One value per record. A mapping of field names to values is a record; any other value is rejected.
    May be a `Table`."""
    end: int
    """Offset after the last record: a load that has committed them resumes here."""
    raw_record: Callable[[int], RawRecord]
    """Finds the i-th record (from 0) in the file's text. Called for few records: only rejects need it."""
    notes: tuple[str, ...] = ()
    """What was understood about these records that is not plain, one sentence each."""
    may_have_formulas: bool = False
    """Whether values may be written as a spreadsheet's formulas, `="00123"`."""
    is_whole: bool = True
    """Whether a load can resume after them: not between the records that are within one large record."""


NOT_KNOWN = object()
"""Stands for a value that only the whole record tells."""

ReadValue = Callable[[int, int], object]
"""Returns the decoded value of a record, by its index, in a field of the dataset, by its position; or `NOT_KNOWN`."""


class UndecodedValues(Sequence[object]):
    """Records that are decoded when they are accessed, and of which single values can be read without that."""

    @abstractmethod
    def read_value(self, index: int, position: int) -> object:
        """As `ReadValue` does."""

    @abstractmethod
    def cells(self) -> tuple[Sequence[Sequence[object]], Collection[int]]:
        """The values as they are written, one column per field of the dataset; the indexes of records that differ.

        Texts are decoded, other values may be bytes-like objects. Of the records at those indexes, the columns do not
        tell the values.
        """


class Table(Sequence[object]):
    """Records that all have the same fields, stored as columns. Accessing a record makes a mapping of it."""

    def __init__(
        self, columns: Mapping[str, Sequence[object]], count: int, others: Mapping[int, object] | None = None
    ) -> None:
        self.columns = columns
        """One value per record: None if the value is absent or null, or if there is no record."""
        self._count = count
        self.others = others or {}
        """Values that are not records, by index."""

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        if not 0 <= index < self._count:
            raise IndexError(index)
        if index in self.others:
            return self.others[index]
        return {name: column[index] for name, column in self.columns.items()}
