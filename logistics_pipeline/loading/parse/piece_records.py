"""Finds single records in a piece of text that was decoded as a whole. Only rejects need this."""

from collections.abc import Callable, Sequence, Sized
from functools import cached_property
from itertools import accumulate
from typing import Protocol

import msgspec

from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.formats.json_scanner import is_too_deep
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import RawRecord

FindRecord = Callable[[int], RawRecord]
"""Finds a record of a piece by its index from 0."""

NOT_KNOWN = object()
"""Stands for a value that only the whole record tells."""

ReadValue = Callable[[int, int], object]
"""Returns the decoded value of a record, by its index, in a field of the dataset, by its position; or NOT_KNOWN."""

_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


class DecodedObjects(Sized, Protocol):
    """What decoding a piece as a whole tells about the values in it."""

    def read_value(self, index: int, position: int) -> object: ...


class LazyValues(Sequence[object]):
    """The values of a piece's records, each decoded when it is accessed."""

    def __init__(self, find: FindRecord, objects: DecodedObjects) -> None:
        self._count = len(objects)
        self._find = find
        self._objects = objects

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        return decode(self._find(index).raw)

    def read_value(self, index: int, position: int) -> object:
        """Reads a value of a record without decoding all of it; a record nested too deep has none."""
        if is_too_deep(self._find(index).raw):
            return NOT_KNOWN
        return self._objects.read_value(index, position)


class ElementRecords:
    """Finds the elements of a piece of an array, in the cheapest way that is certain."""

    def __init__(self, piece: bytes, objects: int, before: int, offset: int) -> None:
        self._piece, self._before, self._offset = piece, before, offset
        self._objects = objects
        """The number of elements if all of them are objects, else 0."""

    def __call__(self, index: int) -> RawRecord:
        begin, end = self._find(index)
        return RawRecord(self._before + index + 1, self._offset + begin, self._piece[begin:end])

    @cached_property
    def _find(self) -> Callable[[int], Span]:
        return self._by_braces() or self._by_equal_gaps() or self._one_after_another()

    def _by_braces(self) -> Callable[[int], Span] | None:
        """If no element has a brace inside: each opening brace begins one."""
        piece = self._piece
        openings = piece.split(b"{")
        if len(openings) - 1 != self._objects:
            return None
        ends = list(accumulate(map(len, openings)))

        def find(index: int) -> Span:
            begin = ends[index] + index
            return begin, piece.rindex(b"}", begin, begin + 1 + len(openings[index + 1])) + 1

        return find

    @cached_property
    def _raws(self) -> list[msgspec.Raw]:
        return _decode_raw(b"[" + self._piece + b"]")

    def _by_equal_gaps(self) -> Callable[[int], Span] | None:
        """If what separates the elements is the same everywhere: their lengths tell where they begin."""
        piece, raws = self._piece, self._raws
        gap = piece[len(raws[0]) : piece.find(b"{", len(raws[0]))]
        if gap.join(raws) != piece:
            return None
        ends = list(accumulate(map(len, raws)))

        def find(index: int) -> Span:
            end = ends[index] + len(gap) * index
            return end - len(raws[index]), end

        return find

    def _one_after_another(self) -> Callable[[int], Span]:
        spans, end = list[Span](), 0
        for raw in map(bytes, self._raws):
            begin = self._piece.index(raw, end)
            end = begin + len(raw)
            spans.append((begin, end))
        return spans.__getitem__


class LineRecords:
    """Finds the lines of a text."""

    def __init__(self, text: bytes, before: int, offset: int) -> None:
        self._text, self._before, self._offset = text, before, offset

    def __call__(self, index: int) -> RawRecord:
        line = self._lines[index]
        begin = self._ends[index] - len(line) + index
        return RawRecord(self._before + index + 1, self._offset + begin, line.rstrip(b"\r"))

    @cached_property
    def _ends(self) -> list[int]:
        """Offsets of the ends of the lines, had they no line ends between them."""
        return list(accumulate(map(len, self._lines)))

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._text.split(b"\n")
