"""Finds single records in a piece of text that was decoded as a whole. Only rejects need this."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate

import msgspec

from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import RawRecord

FindRecord = Callable[[int], RawRecord]
"""Finds a record of a piece by its index from 0."""

_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


class LazyValues(Sequence[object]):
    """The values of a piece's records, each decoded when it is accessed."""

    def __init__(self, count: int, find: FindRecord) -> None:
        self._count = count
        self._find = find

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        return decode(self._find(index).raw)


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
        begins = [end + index for index, end in enumerate(accumulate(map(len, openings)))]

        def find(index: int) -> Span:
            begin = begins[index]
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
        sizes = list(map(len, raws))

        def find(index: int) -> Span:
            begin = sum(sizes[:index]) + len(gap) * index
            return begin, begin + sizes[index]

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
        begin = sum(map(len, self._lines[:index])) + index
        return RawRecord(self._before + index + 1, self._offset + begin, line.rstrip(b"\r"))

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._text.split(b"\n")
