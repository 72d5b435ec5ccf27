"""Finds single records in a piece of text that was decoded as a whole. Only rejects need this."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Protocol

import msgspec

from logistics_pipeline.loading.contract.columns import Column
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH, is_too_deep
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import NOT_KNOWN, RawRecord, UndecodedValues
from logistics_pipeline.loading.parse.typed_json import TypedObjects


class FindRecord(Protocol):
    """Finds a record of a piece by its index from 0."""

    @property
    def may_be_too_deep(self) -> bool:
        """Whether one of the records may be nested too deep."""
        ...

    def __call__(self, index: int) -> RawRecord: ...


_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


class LazyValues(UndecodedValues):
    """The values of a piece's records, each decoded when it is accessed."""

    def __init__(self, find: FindRecord, objects: TypedObjects, others: Mapping[int, object]) -> None:
        self._count = len(objects)
        self._find = find
        self._objects = objects
        self._others = others
        self._last: tuple[int, object] = (-1, None)
        """The value that was decoded last, and its index."""

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        if index in self._others:
            return self._others[index]
        if self._last[0] != index:
            value = self._objects.value(index)
            self._last = index, decode(self._find(index).raw) if value is NOT_KNOWN else value
        return self._last[1]

    def cells(self) -> tuple[Sequence[Column], Collection[int]]:
        """The values as they are written; of no record, if one of them may be nested too deep."""
        if self._find.may_be_too_deep:
            return (), range(self._count)
        others = self._objects.others
        return self._objects.cells, {*others, *self._others} if others or self._others else ()

    def read_value(self, index: int, position: int) -> object:
        """Reads a value of a record without decoding all of it; a record nested too deep has none."""
        if index in self._others or (self._find.may_be_too_deep and is_too_deep(self._find(index).raw)):
            return NOT_KNOWN
        return self._objects.read_value(index, position)


class ElementRecords:
    """Finds the elements of a piece of an array, in the cheapest way that is certain."""

    def __init__(self, piece: bytes, written: bytes, objects: TypedObjects, before: int, offset: int) -> None:
        self._piece, self._before, self._offset = piece, before, offset
        self._written = written
        """The piece as it is in the file, before constants that JSON lacks were replaced by others as long."""
        self._objects = objects
        self._last: tuple[int, Span] = (-1, (0, 0))
        """The element that was found last."""

    def __call__(self, index: int) -> RawRecord:
        begin, end = self._find(index)
        return RawRecord(self._before + index + 1, self._offset + begin, self._written[begin:end])

    def indexes_at(self, positions: Iterable[int]) -> list[int]:
        """The indexes of the elements at some positions of the piece."""
        begins = [self._find(index)[0] for index in range(len(self._objects))]
        return sorted({bisect_right(begins, position) - 1 for position in positions})

    @cached_property
    def may_be_too_deep(self) -> bool:
        objects = len(self._objects) - len(self._objects.others)
        return len(self._openings) - objects + _count_brackets(self._piece) >= MAX_DEPTH

    def _find(self, index: int) -> Span:
        if self._last[0] != index:
            self._last = index, self._by_braces(index) or self._by_raws(index)
        return self._last[1]

    @cached_property
    def _openings(self) -> "_Openings":
        return _Openings(self._piece)

    @cached_property
    def _by_braces(self) -> Callable[[int], Span | None]:
        """If the only braces are those of the elements that are objects, one pair each."""
        piece, others, openings = self._piece, self._objects.others, self._openings
        objects = len(self._objects) - len(others)
        if len(openings) != objects or (others and piece.count(b"}") != objects):
            return lambda _: None

        def find_object(number: int) -> Span:
            begin, limit = openings.around(number)
            return begin, piece.rindex(b"}", begin, limit) + 1

        if not others:
            return find_object

        def find(index: int) -> Span | None:  # without `self`: nobody collects cycles
            before = bisect_left(others, index)
            if index not in others[before : before + 1]:
                return find_object(index - before)
            if before == index or index - before == objects or {index - 1, index + 1} & set(others):
                return None
            return _trim(piece, find_object(index - before - 1)[1], find_object(index - before)[0])

        return find

    @cached_property
    def _by_raws(self) -> Callable[[int], Span]:
        return self._by_equal_gaps() or self._one_after_another()

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


class _Openings:
    """The opening braces of a text, numbered from 0."""

    def __init__(self, text: bytes) -> None:
        self._ends = list(accumulate(map(len, text.split(b"{"))))
        """Of what is between them, had the text no braces."""

    def __len__(self) -> int:
        return len(self._ends) - 1

    def around(self, number: int) -> Span:
        """Where a brace is, and where the next one is, or the end of the text."""
        begin, limit = self._ends[number : number + 2]
        return begin + number, limit + number + 1


def _count_brackets(text: bytes) -> int:
    return text.count(b"[") if b"[" in text else 0  # looking is much faster than counting


_SEPARATORS = b" \t\r\n,"


def _trim(text: bytes, begin: int, end: int) -> Span:
    """Where the only element is that is between two others."""
    between = text[begin:end]
    begin += len(between) - len(between.lstrip(_SEPARATORS))
    return begin, begin + len(between.strip(_SEPARATORS))


class FoundRecords:
    """Records of which it is known where they are."""

    may_be_too_deep = True

    def __init__(self, text: bytes, spans: Sequence[Span], before: int, offset: int) -> None:
        self._text, self._spans, self._before, self._offset = text, spans, before, offset

    def __call__(self, index: int) -> RawRecord:
        begin, end = self._spans[index]
        return RawRecord(self._before + index + 1, self._offset + begin, self._text[begin:end])


class LineRecords:
    """Finds the lines of a text."""

    def __init__(self, text: bytes, before: int, offset: int) -> None:
        self._text, self._before, self._offset = text, before, offset

    def __call__(self, index: int) -> RawRecord:
        line = self._lines[index]
        begin = self._ends[index] - len(line) + index
        return RawRecord(self._before + index + 1, self._offset + begin, line.rstrip(b"\r"))

    @cached_property
    def may_be_too_deep(self) -> bool:
        text, objects = self._text, len(self._lines) - 1  # after the last line end is nothing
        return text.count(b"{") - objects + _count_brackets(text) >= MAX_DEPTH

    def indexes_at(self, positions: Iterable[int]) -> list[int]:
        """The indexes of the lines at some positions of the text."""
        ends = list(accumulate(len(line) + 1 for line in self._lines))
        return sorted({bisect_right(ends, position) for position in positions})

    @cached_property
    def _ends(self) -> list[int]:
        """Offsets of the ends of the lines, had they no line ends between them."""
        return list(accumulate(map(len, self._lines)))

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._text.split(b"\n")
