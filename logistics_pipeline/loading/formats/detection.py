"""Recognises a file's layout from its content. The name is never asked: people rename files.

An object at the top is a record if it has fields of the dataset, and a wrapper if it leads to an array of records.
"""

from dataclasses import dataclass

from logistics_core.catalogue import DATASETS, Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.excerpts import shown
from logistics_pipeline.loading.formats.csv_delimiters import find_delimiter, split_header
from logistics_pipeline.loading.formats.json_feed import cut_pieces, walk_events
from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.formats.json_scanner import find_values, value_end
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, Layout, LinesLayout, ObjectsLayout
from logistics_pipeline.sources.byte_stream import Source

_EXPECTED = "expected a JSON array of objects, NDJSON, JSON objects, or CSV with a header"
_WHITE = b" \t\r\n"


def recognise(source: Source, dataset: Dataset, max_record_bytes: int) -> Layout:
    """Returns the layout of the bytes of `byte_stream`, which is read as far as that takes.

    Raises:
        FileError: the content is none of the accepted layouts.
    """
    body = source.head.lstrip(_WHITE)
    if not body:
        raise FileError(f"The file is empty; {_EXPECTED}")
    start = source.start + len(source.head) - len(body)
    if body.startswith(b"["):
        return ElementsLayout(start + 1)
    if not body.startswith(b"{"):
        return _recognise_csv(source, dataset)
    if _is_ndjson(body, dataset):
        return LinesLayout(start)
    source.skip_to(start)
    return _ArraySearch(dataset).run(source, max_record_bytes)


def _is_ndjson(body: bytes, dataset: Dataset) -> bool:
    """Whether lines are objects. One line may be broken, the first too: that is a bad record of a good file."""
    lines = [line.strip(_WHITE) for line in body.split(b"\n", 100) if line.strip(_WHITE)]
    if len(lines) == 1:
        record = decode(lines[0])
        return isinstance(record, dict) and dataset.key in record  # without the key it may be a wrapper
    if _is_object(lines[0]):
        return not _has_object_over_lines(body)
    # In no other layout can a line begin an object right behind a line that was one.
    return len(lines) > 2 and _is_object(lines[1]) and lines[2].startswith(b"{")


def _is_object(line: bytes) -> bool:
    """Whether a line is one object from its first brace to its last, well formed or not."""
    return line.startswith(b"{") and value_end(line, 0) == len(line)


def _has_object_over_lines(body: bytes) -> bool:
    """Whether objects follow that are written over several lines. A broken line makes nothing valid with others."""
    if not body.count(b"\n") - body.count(b"}\n") - body.count(b"}\r\n"):
        return False
    longer = (body[begin:end] for begin, end in find_values(body) if b"\n" in body[begin:end])
    return isinstance(decode(next(longer, b"")), dict)


@dataclass
class _Candidate:
    """An array that may hold the records."""

    layout: ElementsLayout
    has_fields: bool = False
    """Its first element names a field of the dataset."""


class _ArraySearch:
    """Walks through the first object until it is clear where the records are.

    The walk feeds the parser up to each opening bracket and looks at its events, so it knows the exact offset of the
    array it settles on. Certain are: our key in the object itself (it is a record), an array under the dataset's name,
    our key in the first element of an array. Else the whole object is seen first and the only likely place is taken.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._fields = set(dataset.columns)
        self._path: list[str | None] = []
        """For each open container: the key it stands under, None inside an array and at the top."""
        self._key: str | None = None
        self._candidates: list[_Candidate] = []
        self._open: _Candidate | None = None
        """The array whose first element is being looked at."""
        self._is_record = False

    def run(self, source: Source, max_record_bytes: int) -> Layout:
        start = source.position
        for offset, events in walk_events(cut_pieces(source, b"[", max_record_bytes), start, max_record_bytes):
            for event, value in events:
                found = self._look(event, value, offset, start)
                if found is not None:
                    return found
        raise FileError(f"The object at the top never ends; {_EXPECTED}", byte_offset=start)

    def _look(self, event: str, value: object, offset: int, start: int) -> Layout | None:
        """Takes one event in; returns the layout once it is certain."""
        if event == "map_key":
            self._key = str(value)
            return self._judge_key(start)
        if event in ("start_map", "start_array"):
            return self._enter(event, offset)
        if event in ("end_map", "end_array"):
            self._leave()
            if not self._path:
                return self._settle(start)
        return None

    def _enter(self, event: str, offset: int) -> Layout | None:
        self._path.append(self._key)
        self._key = None
        keys = tuple(key for key in self._path[1:] if key is not None)
        if event != "start_array" or len(keys) < len(self._path) - 1:
            return None
        named = keys[-1].casefold().replace("-", "_").replace(" ", "_")
        if named == self._dataset.name:
            return ElementsLayout(offset, keys)
        if named not in DATASETS:  # another dataset's array is not ours, even where its records carry our key
            self._open = _Candidate(ElementsLayout(offset, keys))
            self._candidates.append(self._open)
        return None

    def _leave(self) -> None:
        self._path.pop()
        self._key = None
        if self._open is not None and len(self._path) <= len(self._open.layout.keys) + 1:
            self._open = None  # its first element has ended, or it has none

    def _judge_key(self, start: int) -> Layout | None:
        is_ours, is_field = self._key == self._dataset.key, self._key in self._fields
        if len(self._path) == 1:
            self._is_record |= is_field
            return ObjectsLayout(start) if is_ours else None
        if self._open is not None and len(self._path) == len(self._open.layout.keys) + 2:
            self._open.has_fields |= is_field
            return self._open.layout if is_ours else None
        return None

    def _settle(self, start: int) -> Layout:
        likely = [candidate for candidate in self._candidates if candidate.has_fields]
        if self._is_record and not likely:
            return ObjectsLayout(start)  # a record that lacks its key, whatever lists it holds
        likely = likely or self._candidates
        if len(likely) == 1:
            return likely[0].layout
        names = ", ".join(".".join(candidate.layout.keys) for candidate in self._candidates[:5]) or "none"
        raise FileError(
            f"The object at the top is neither a record of {self._dataset.name} nor does it hold one array of them "
            f"(arrays found: {shown(names, 200)}); {_EXPECTED}",
            byte_offset=start,
        )


def _recognise_csv(source: Source, dataset: Dataset) -> Layout:
    body = source.head.lstrip(b"\r\n")
    start = source.start + len(source.head) - len(body)
    newline = _line_end(body)
    line, _, _ = body.partition(newline)
    text = line.decode("utf-8", "replace").rstrip("\r")
    if any(ord(character) < 32 and character != "\t" for character in text):
        raise FileError(f"Not text; {_EXPECTED}", byte_offset=start)
    delimiter = find_delimiter(text, body, dataset)
    header = split_header(text, delimiter)
    _refuse_bad_header(header, dataset, start)
    header_text = body[: len(line) + len(newline)]
    return CsvLayout(start + len(header_text), delimiter, newline, header, header_text)


def _line_end(text: bytes) -> bytes:
    """What ends the first line, and so every line.

    A line feed (a carriage return before it does not matter), or a bare carriage return.
    """
    line = text.partition(b"\n")[0].rstrip(b"\r")
    return b"\r" if b"\r" in line or b"\n" not in text else b"\n"


def _refuse_bad_header(header: tuple[str, ...], dataset: Dataset, offset: int) -> None:
    found = shown(", ".join(header), 200)
    missing = [field.name for field in dataset.fields if field.required and field.name not in header]
    if len(missing) == sum(field.required for field in dataset.fields):
        raise FileError(f"Neither JSON nor a CSV header of {dataset.name}: {found}; {_EXPECTED}", byte_offset=offset)
    if missing:
        raise FileError(f"The CSV header lacks {', '.join(missing)}; it names {found}", byte_offset=offset)
    twice = [name for name in dataset.columns if header.count(name) > 1]
    if twice:
        raise FileError(f"The CSV header names {', '.join(twice)} twice: {found}", byte_offset=offset)
