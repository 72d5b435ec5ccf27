"""Recognises a file's layout from its content. The name is never asked: people rename files.

An object at the top is a record if it has fields of the dataset, and a wrapper if it leads to an array of records.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import ijson.backends.yajl2_c as yajl
from ijson import sendable_list
from ijson.common import JSONError

from logistics_pipeline.datasets import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.json_text import MAX_DEPTH, parser_reason
from logistics_pipeline.loading.layouts import (
    DELIMITERS,
    CsvLayout,
    ElementsLayout,
    Layout,
    LinesLayout,
    ObjectsLayout,
)
from logistics_pipeline.loading.source import Source

_EXPECTED = "expected a JSON array of objects, NDJSON, JSON objects, or CSV with a header"
_WHITE = b" \t\r\n"
_AFTER_BRACKET = re.compile(rb"(?<=\[)")


def recognise(source: Source, dataset: Dataset) -> Layout:
    """Returns the layout of the bytes of `source`, which is read as far as that takes.

    Raises:
        FileError: the content is none of the accepted layouts.
    """
    body = source.head.lstrip(_WHITE)
    if not body:
        raise FileError(f"The file is empty; {_EXPECTED}")
    start = source.start + len(source.head) - len(body)
    if body.startswith(b"["):
        return ElementsLayout(start + 1)
    if body.startswith(b"{"):
        return _recognise_objects(source, body, start, dataset)
    return _recognise_csv(source, dataset)


def _recognise_objects(source: Source, body: bytes, start: int, dataset: Dataset) -> Layout:
    lines = [line for line in body.splitlines() if line.strip()]
    if _is_json_line(lines[0]) and not _is_lone_wrapper(lines, dataset):
        return LinesLayout(start)
    return _ArraySearch(dataset).run(source, start)


def _is_json_line(line: bytes) -> bool:
    """Whether a line looks like one whole object, well formed or not."""
    return line.startswith(b"{") and line.rstrip().endswith(b"}")


def _is_lone_wrapper(lines: list[bytes], dataset: Dataset) -> bool:
    """Whether the only line is an object without our key: `{"data": [...]}` written without line breaks."""
    if len(lines) > 1:
        return False
    try:
        return dataset.key not in json.loads(lines[0])
    except ValueError:
        return False


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
        self._path: list[str] = []
        """For each open container: the key it stands under, empty inside an array and at the top."""
        self._key = ""
        self._candidates: list[_Candidate] = []
        self._open: _Candidate | None = None
        """The array whose first element is being looked at."""
        self._is_record = False

    def run(self, source: Source, start: int) -> Layout:
        for offset, events in self._parsed(source, start):
            for event, value in events:
                found = self._look(event, value, offset, start)
                if found is not None:
                    return found
        raise FileError(f"The object at the top never ends; {_EXPECTED}", byte_offset=start)

    def _parsed(self, source: Source, start: int) -> Iterator[tuple[int, list[tuple[str, object]]]]:
        """Yields the parser's events with the offset behind the bytes that caused them."""
        events = sendable_list()
        parser = yajl.basic_parse_coro(events, multiple_values=True)
        offset, block = start, source.head[start - source.start :]
        source.skip_to(source.start + len(source.head))
        while block:
            for piece in _AFTER_BRACKET.split(block):
                try:
                    parser.send(piece)
                except (JSONError, ValueError) as error:
                    raise FileError(f"Not JSON: {parser_reason(error)}", byte_offset=offset) from error
                offset += len(piece)
                yield offset, list(events)
                events.clear()
            block = source.read()

    def _look(self, event: str, value: object, offset: int, start: int) -> Layout | None:
        """Takes one event in; returns the layout once it is certain."""
        if event == "map_key":
            self._key = str(value)
            return self._judge_key(start)
        if event in ("start_map", "start_array"):
            return self._enter(event, offset)
        if event in ("end_map", "end_array"):
            self._path.pop()
            self._key, self._open = "", None
            if not self._path:
                return self._settle(start)
        return None

    def _enter(self, event: str, offset: int) -> Layout | None:
        self._path.append(self._key)
        self._key = ""
        if len(self._path) > MAX_DEPTH:
            raise FileError(f"Nested deeper than {MAX_DEPTH} levels", byte_offset=offset)
        keys = tuple(self._path[1:])
        if event == "start_array" and "" not in keys:
            self._open = _Candidate(ElementsLayout(offset, keys))
            self._candidates.append(self._open)
            if _is_named(keys[-1], self._dataset):
                return self._open.layout
        return None

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
        likely = [candidate for candidate in self._candidates if candidate.has_fields] or self._candidates
        if len(likely) == 1:
            return likely[0].layout
        if self._is_record:
            return ObjectsLayout(start)
        names = ", ".join(".".join(candidate.layout.keys) for candidate in self._candidates[:5]) or "none"
        raise FileError(
            f"The object at the top is neither a record of {self._dataset.name} nor does it hold one array of them "
            f"(arrays found: {names}); {_EXPECTED}",
            byte_offset=start,
        )


def _is_named(key: str, dataset: Dataset) -> bool:
    return key.casefold().replace("-", "_").replace(" ", "_") == dataset.name


def _recognise_csv(source: Source, dataset: Dataset) -> Layout:
    head = source.head
    newline = b"\n" if b"\n" in head else b"\r"
    line, _, _ = head.partition(newline)
    text = line.decode("utf-8", "replace")
    if any(ord(character) < 32 and character not in "\t\r" for character in text):
        raise FileError(f"Not text; {_EXPECTED}", byte_offset=source.start)
    delimiter = max(DELIMITERS, key=lambda candidate: _known_fields(text, candidate, dataset))
    header = tuple(name.strip() for name in next(csv.reader([text], delimiter=delimiter), []))
    _refuse_bad_header(header, dataset, source.start)
    header_text = head[: len(line) + len(newline)]
    return CsvLayout(source.start + len(header_text), delimiter, newline, header, header_text)


def _known_fields(text: str, delimiter: str, dataset: Dataset) -> int:
    """How many of the dataset's fields the header names when cut at `delimiter`: a surer sign than statistics."""
    names = next(csv.reader([text], delimiter=delimiter), [])
    return len({name.strip() for name in names} & set(dataset.columns))


def _refuse_bad_header(header: tuple[str, ...], dataset: Dataset, offset: int) -> None:
    found = ", ".join(header)[:200]
    missing = [field.name for field in dataset.fields if field.required and field.name not in header]
    if len(missing) == sum(field.required for field in dataset.fields):
        raise FileError(f"Neither JSON nor a CSV header of {dataset.name}: {found!r}; {_EXPECTED}", byte_offset=offset)
    if missing:
        raise FileError(f"The CSV header lacks {', '.join(missing)}; it names {found}", byte_offset=offset)
    if len(set(header)) < len(header):
        raise FileError(f"The CSV header names a column twice: {found}", byte_offset=offset)
