"""Reads the records that are elements of an array within each record of a file.

Such a record is the element, the key of the record around it, and its place in the array, counted from 1. It has the
offset of the record around it, and a load resumes after a whole one. Its raw text is an object with the same members,
so it can be read again by itself.

Memory: one run of records of the file, and the elements of one record. Of a large record, only some elements at a time.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from logistics_core.catalogue import Dataset
from logistics_core.reject_text import as_json
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.contract.record_validator import describe_value
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_names import json_names
from logistics_pipeline.loading.formats.json_scanner import find_values
from logistics_pipeline.loading.formats.large_records import decode_record, member_text
from logistics_pipeline.loading.layouts import (
    CsvLayout,
    JsonObject,
    LargeArray,
    LongText,
    NestedLayout,
    RawRecord,
    Records,
    UnclearValue,
    Unreadable,
)

PART_ELEMENTS = 2_000
"""Elements of a large record that are decoded at a time."""
_COUNT = re.compile(", after [0-9,]+ complete records")
_LINE_ENDS = re.compile(rb"[\r\n]")


class Nested(NamedTuple):
    """A nested record, or why there is none."""

    value: object
    parent: int
    """The index of the record around it."""
    place: int | None = None
    """Its place in the array, from 1; None if there is no such array."""


def read_nested(records: Iterable[Records], layout: NestedLayout, done: int, *, is_begun: bool) -> Iterator[Records]:
    """Yields the records within the records of a file, numbered after `done`.

    With `is_begun`, there were records of the file before these: where an error is, only its offset tells then.

    Raises:
        FileError: as the reader of the file's own records does.
    """
    expander = Expander(layout.dataset, is_csv=isinstance(layout.around, CsvLayout))
    try:
        for around in records:
            for found in _runs(expander, around, done):
                done = found.before + len(found.values)
                yield found
    except FileError as error:
        if is_begun:  # how many records there were before is not known
            raise FileError(_COUNT.sub("", error.message), None, error.byte_offset) from error
        raise


def _runs(expander: "Expander", around: Records, done: int) -> Iterator[Records]:
    """The nested records of one run of records: as one run, or several parts if there are large records."""
    values = expander.named(around)
    if not any(map(expander.is_large, values)):
        nested = [each for index, value in enumerate(values) for each in expander.expand(value, index)]
        yield _records(expander, around, values, nested, done)
        return
    for index, value in enumerate(values):
        elements = expander.expand_large(value, index, around) if expander.is_large(value) else None
        every = iter(expander.expand(value, index) if elements is None else elements)
        while part := list(islice(every, PART_ELEMENTS)):
            yield _records(expander, around, values, part, done, is_whole=False)
            done += len(part)
    yield _records(expander, around, values, [], done)


def _records(
    expander: "Expander",
    around: Records,
    values: Sequence[object],
    nested: Sequence[Nested],
    done: int,
    *,
    is_whole: bool = True,
) -> Records:
    def raw_record(index: int) -> RawRecord:
        found = nested[index]
        raw = around.raw_record(found.parent)
        text = _LINE_ENDS.sub(b" ", expander.raw_text(found, values[found.parent], raw.raw))
        return RawRecord(done + index + 1, raw.byte_offset, text)

    return Records(
        done,
        [each.value for each in nested],
        around.end,
        raw_record,
        around.notes if is_whole else (),
        around.may_have_formulas,
        is_whole,
    )


class Expander:
    """Finds the records of one dataset within those of another."""

    def __init__(self, dataset: Dataset, *, is_csv: bool = False) -> None:
        assert dataset.records is not None and dataset.parent is not None
        parent, self._array, self._position = dataset.parent, dataset.records.array, dataset.records.position
        self._names = None if is_csv else json_names(parent)
        self._missing = parent.field(self._array).missing_words | {""}
        self._key = [(dataset.parent_fields[name], name) for name in parent.key]
        """Fields with the key of the record around: here, and there."""

    def named(self, records: Records) -> Sequence[object]:
        """Records by the names of fields."""
        return records.values if self._names is None else self._names.read_all(records.values)

    def is_large(self, value: object) -> bool:
        """Whether the array of a record was left out when it was decoded."""
        return isinstance(value, dict) and isinstance(value.get(self._array), LargeArray)

    def expand(self, value: object, parent: int) -> Iterator[Nested]:
        """The records within one, by the names of fields. One that has none for a fault leads to a single reject."""
        if not isinstance(value, dict):
            yield Nested(value, parent)
            return
        array = self._array_of(value)
        if isinstance(array, Unreadable):
            yield Nested(array, parent)
            return
        yield from self._elements(value, parent, array)

    def expand_large(self, value: object, parent: int, around: Records) -> Iterator[Nested]:
        """The same of a record whose array was left out: its elements are decoded one by one."""
        assert isinstance(value, dict)
        text = self._text_of_array(around.raw_record(parent).raw)
        if text is None:  # it is in an object, which was left out as well
            yield Nested(self._fault("is in an object of a record of more than 1 MiB, and is not read"), parent)
            return
        spans = find_values(text[1:-1], is_whole=True)
        yield from self._elements(value, parent, (decode_record(text[begin + 1 : end + 1]) for begin, end in spans))

    def _elements(self, record: Mapping[str, object], parent: int, array: Iterable[object]) -> Iterator[Nested]:
        key = {name: record.get(there) for name, there in self._key}
        for place, element in enumerate(array, start=1):
            yield Nested(self._nested(element, key | {self._position: place}), parent, place)

    def _nested(self, element: object, added: Mapping[str, object]) -> object:
        if isinstance(element, Unreadable):
            return element
        if not isinstance(element, dict):
            return self._fault(f"must hold objects, found {describe_value(element)}")
        for name, value in added.items():
            if name in element and element[name] != value:
                reason = f"{name} is {describe_value(element[name])} in the object, and {describe_value(value)} around"
                return Unreadable(f"{reason} it: expected the same, or another name in the contract", name, True)
        found: dict[str, object] = type(element)(element)
        if isinstance(element, JsonObject) and isinstance(found, JsonObject):
            found.repeated = element.repeated
        found.update(added)
        return found

    def _array_of(self, record: Mapping[str, object]) -> Sequence[object] | Unreadable:
        value = record.get(self._array)
        if isinstance(value, str):
            text = value.strip()
            value = None if text in self._missing else decode(text.encode("utf-8", "surrogateescape"))
        match value:
            case None:
                return ()
            case list():
                return value
            case UnclearValue():
                return self._fault(value.reason)
            case Unreadable():
                return self._fault(f"must be an array of objects, found a text that is {value.reason}")
            case LongText():
                return self._fault(f"is a text of {value.characters:,} characters: a longer one than is read as JSON")
            case _:
                return self._fault(f"must be an array of objects, found {describe_value(value)}")

    def _fault(self, reason: str) -> Unreadable:
        return Unreadable(f"{self._array} {reason}", self._array, True)

    # -- raw text ------------------------------------------------------------------------------------------------------

    def raw_text(self, nested: Nested, value: object, raw: bytes) -> bytes:
        """A nested record as it would be in a file of its own. Without its place, it is none: so it stays rejected."""
        if not isinstance(value, dict):
            return raw
        key = {name: _written(value.get(there)) for name, there in self._key}
        element = self._text_of_element(nested, value, raw)
        if isinstance(nested.value, Unreadable) or nested.place is None:
            written = as_json(value.get(self._array)) if element is None else element
            return _object(key, b", " + as_json(self._array) + b": " + written)
        added = key | {self._position: nested.place}
        if element is None:
            assert isinstance(nested.value, dict)
            return as_json(added | nested.value)
        members = element.strip()[1:-1].strip()
        return _object(added, b", " + members if members else b"")

    def _text_of_element(self, nested: Nested, value: Mapping[str, object], raw: bytes) -> bytes | None:
        """An element as it is in the file; None if it is not found there."""
        array = value.get(self._array)
        if isinstance(array, str):
            text: bytes | None = array.strip().encode("utf-8", "surrogateescape")
        else:
            text = self._text_of_array(raw)
        if text is None or nested.place is None or not text.startswith(b"["):
            return None
        spans = islice(find_values(text[1:-1], is_whole=True), nested.place - 1, nested.place)
        return next((text[begin + 1 : end + 1] for begin, end in spans), None)

    def _text_of_array(self, raw: bytes) -> bytes | None:
        """The array as it is in the text of a record; None if it is in an object there, or the record in a CSV file."""
        return None if self._names is None else member_text(raw, self._is_array)

    def _is_array(self, name: str) -> bool:
        return self._names is not None and self._names.field_of(None, name) == self._array


def _written(value: object) -> object:
    """A value of the key as JSON can hold it; none that the contract takes if it takes none."""
    if isinstance(value, UnclearValue):
        return value.written
    return value.beginning if isinstance(value, LongText) else value


def _object(members: Mapping[str, Any], rest: bytes) -> bytes:
    return as_json(members)[:-1] + rest + b"}"
