"""The fast lane: arrays of objects and NDJSON, decoded piece by piece as typed objects by msgspec.

A piece is cut where a record seems to end. If the content of an array up to there, in brackets, is valid JSON and a
comma follows, the cut is a true boundary: a parser that has read whole elements is back at the top level. So a wrong
guess fails to decode and is never taken. What does not decode as it should is read record by record, as the reference
would; what cannot be cut at all (the last record and what follows it, broken JSON, giant records) is left to the
reference.

Only shapes are typed, never values: numbers stay the text they were, whatever is odd goes through `records`.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cache, cached_property, lru_cache
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from logistics_core.catalogue import Dataset, FieldType
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.contract.column_validator import Column, NumberTexts
from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH, Nesting, is_too_deep, value_end
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import Place, Records, Unreadable
from logistics_pipeline.loading.parse.chunks import MAX_UNKNOWN_FIELDS, Chunk, ChunkMaker
from logistics_pipeline.sources.byte_stream import Source

MOST_BYTES = 1 << 20
"""A piece that grows beyond this without a place to cut is left to the reference."""
TRIES = 4
"""So many places to cut are tried."""
FEW_LINES = 16
"""So many lines are not worth halving again to find the bad one."""
FEW_OF = 8
"""If more numbers than one of so many are odd, as where numbers are quoted, all are worth decoding."""

_WHITE = b" \t\r\n"
_FIRST = re.compile(rb"[ \t\r\n]*(?=[^ \t\r\n\]])")
_NEXT = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*(?=[^ \t\r\n])")
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\Z")
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_TYPABLE = re.compile(r'[^"\\\x00-\x1f]*')
"""Names that msgspec accepts for a field."""

Lane = Generator[Chunk, None, Checkpoint]
"""Yields chunks; returns the checkpoint behind the last, where the source stands again: the reference goes on there."""

_Decode = Callable[[bytes], list[Any]]
_Way = Callable[["_Decoders"], _Decode]

_Stretch = tuple[list[Chunk], bool]
"""Chunks from the beginning of a text, and whether the lane can go on behind them."""


_AS_ARRAY: _Way = attrgetter("array")
_AS_LINES: _Way = attrgetter("lines")


class TypedJson:
    """Reads the records of one file."""

    def __init__(self, source: Source, dataset: Dataset, maker: ChunkMaker, chunk_bytes: int, max_record_bytes: int):
        self._source = source
        self._maker = maker
        self._chunk_bytes = min(chunk_bytes, max_record_bytes)
        self._most_bytes = min(max(MOST_BYTES, chunk_bytes), max_record_bytes)
        self._dataset = dataset
        self._shape = _shape(dataset)

    def read_elements(self, done: int) -> Lane:
        """Reads elements of the array that the source stands in, behind `done` of them; the last is always left."""
        return self._read(done, self._cut_elements)

    def read_lines(self, done: int) -> Lane:
        """Reads lines from the position of the source, `done` records behind the beginning."""
        return self._read(done, self._cut_lines)

    def _read(self, done: int, cut: Callable[[bytes, Checkpoint], _Stretch]) -> Lane:
        place, text = Checkpoint(done, self._source.position), b""
        while len(text) <= self._most_bytes and (block := self._read_block()):
            text += block
            chunks, goes_on = cut(text, place)
            yield from chunks
            if chunks:
                text = text[chunks[-1].checkpoint.offset - place.offset :]
                place = chunks[-1].checkpoint
            if not goes_on:
                break
        self._source.unread(text)
        return place

    def _read_block(self) -> bytes:
        """Damage ends this lane like the end of the file does: the reference reads the rest and says what is wrong."""
        try:
            return self._source.read(self._chunk_bytes)
        except FileError:
            return b""

    # -- elements of an array --------------------------------------------------------------------------------------

    def _cut_elements(self, text: bytes, place: Checkpoint) -> _Stretch:
        gap = (_NEXT if place.records else _FIRST).match(text)
        if gap is None:
            return [], not text.strip(_WHITE + b",")  # nothing but a separator so far; else the array has ended
        start = gap.end()
        for end in islice(_likely_ends(text, start), TRIES):
            piece = text[start:end]
            structs = self._decode(b"[" + piece + b"]", _AS_ARRAY)
            if structs is not None:
                objects = self._shape.count_objects(structs)
                places = cache(_ElementPlaces(piece, objects, place.records, place.offset + start))
                chunk = self._chunk(structs, objects, place.records, place.offset + end, places)
                if any(is_too_deep(reject.place.raw) for reject in chunk.rejects):
                    break
                return [chunk], True
        return self._elements_one_by_one(text, start, place)

    def _elements_one_by_one(self, text: bytes, start: int, place: Checkpoint) -> _Stretch:
        """Takes the elements that are complete, up to the first that only the reference can judge."""
        values: list[object] = []
        spans: list[tuple[int, int]] = []
        goes_on = True
        while (end := value_end(text, start)) is not None and (gap := _NEXT.match(text, end)) is not None:
            value = decode(text[start:end])
            if isinstance(value, Unreadable):
                goes_on = False
                break
            values.append(value)
            spans.append((start, end))
            start = gap.end()
        if end is not None and gap is None:
            goes_on = not text[end:].strip(_WHITE + b",")  # more may follow; else the array has ended or is broken
        if not values:
            return [], goes_on

        def find(index: int) -> Place:
            begin, end = spans[index]
            return Place(place.records + index + 1, place.offset + begin, text[begin:end])

        return [self._maker.from_records(Records(place.records, values, place.offset + spans[-1][1], find))], goes_on

    # -- lines -----------------------------------------------------------------------------------------------------

    def _cut_lines(self, text: bytes, place: Checkpoint) -> _Stretch:
        end = text.rfind(b"\n") + 1
        if end > self._most_bytes:
            return [], False
        chunks: list[Chunk] = []
        self._take_lines(text[:end], place, chunks)
        return chunks, True

    def _take_lines(self, text: bytes, place: Checkpoint, chunks: list[Chunk]) -> None:
        """Adds the chunks of whole lines: one if all is well, else those of their halves."""
        lines = text.count(b"\n")
        if not lines:
            return
        structs = self._decode(text, _AS_LINES) if _is_object_per_line(text, lines) else None
        if structs is not None and len(structs) == lines:
            places = cache(_LinePlaces(text, place.records, place.offset))
            objects = self._shape.count_objects(structs)
            chunks.append(self._chunk(structs, objects, place.records, place.offset + len(text), places))
        elif lines <= FEW_LINES:
            chunks.append(self._lines_one_by_one(text, place))
        else:
            middle = text.index(b"\n", len(text) // 2) + 1
            if middle == len(text):
                middle = text.index(b"\n") + 1
            self._take_lines(text[:middle], place, chunks)
            done = chunks[-1].checkpoint
            self._take_lines(text[middle:], Checkpoint(done.records, place.offset + middle), chunks)

    def _lines_one_by_one(self, text: bytes, place: Checkpoint) -> Chunk:
        spans = []
        end = 0
        for line in text.split(b"\n")[:-1]:
            begin, end = end, end + len(line) + 1
            raw = line.strip(_WHITE)
            if raw:
                spans.append((begin + len(line) - len(line.lstrip(_WHITE)), raw))

        def find(index: int) -> Place:
            begin, raw = spans[index]
            return Place(place.records + index + 1, place.offset + begin, raw)

        values = [decode(raw) for _, raw in spans]
        return self._maker.from_records(Records(place.records, values, place.offset + len(text), find))

    # -- both ------------------------------------------------------------------------------------------------------

    def _decode(self, text: bytes, way: _Way) -> list[Any] | None:
        """Decodes objects, learning the names of fields that the dataset does not have; None if anything is odd.

        Something nested too deep may be left in fields that the dataset has: no record with that is good.
        """
        try:
            structs = way(self._shape)(text)
        except msgspec.ValidationError:
            return self._decode(text, way) if self._learn(text, way) else None
        except _DECODE_ERRORS:
            return None
        if not self._shape.is_strict:
            self._learn(text, way)
        return None if self._shape.others and _is_perhaps_too_deep(text, len(structs)) else structs

    def _learn(self, text: bytes, way: _Way) -> bool:
        """Takes in names of fields that are new; False if there are none, or enough."""
        if len(self._shape.others) >= MAX_UNKNOWN_FIELDS:
            return False
        try:
            mappings = way(_ANY_NAMES)(text)
        except _DECODE_ERRORS:
            return False
        if _is_perhaps_too_deep(text, len(mappings)):
            return False  # some of these objects are no records
        new = set[str]().union(*mappings) - self._shape.names
        if new:
            self._shape = _Shape(self._dataset, self._shape.others | new)
        return bool(new)

    def _chunk(self, structs: list[Any], objects: int, before: int, end: int, place: Callable[[int], Place]) -> Chunk:
        records = Records(before, _Values(len(structs), place), end, place)
        return self._maker.from_columns(self._shape.columns(structs, objects), records, self._shape.names)


class _Decoders(Protocol):
    """The two ways to decode objects: from an array, from lines."""

    @property
    def array(self) -> _Decode: ...

    @property
    def lines(self) -> _Decode: ...


class _Shape:
    """What objects look like: the dataset's fields and those others that were found so far, whatever they hold."""

    def __init__(self, dataset: Dataset, others: frozenset[str] = frozenset()) -> None:
        self._fields = dataset.fields
        self.others = others
        self.names = frozenset(dataset.columns) | others
        typed = [name for name in others if _TYPABLE.fullmatch(name)][: MAX_UNKNOWN_FIELDS - 1]
        self.is_strict = len(typed) == len(others)
        """Every name found so far has its place in the struct, so one that is new does not decode."""
        fields = [_struct_field(index, field.type) for index, field in enumerate(dataset.fields)]
        fields += [(f"other_{index}", msgspec.Raw, _NULL) for index in range(len(typed))]
        names = dict(zip((name for name, *_ in fields), (*dataset.columns, *typed), strict=True))
        struct = msgspec.defstruct("Record", fields, rename=names, gc=False, forbid_unknown_fields=self.is_strict)
        self._struct = struct
        element = struct | _NO_OBJECT
        self.array: _Decode = msgspec.json.Decoder(list[element]).decode  # type: ignore[valid-type]
        self.lines: _Decode = msgspec.json.Decoder(element).decode_lines

    def count_objects(self, structs: list[Any]) -> int:
        """How many there are if all are objects, else 0."""
        return len(structs) if set(map(type, structs)) == {self._struct} else 0

    def columns(self, structs: list[Any], objects: int) -> list[Column]:
        """The values of the dataset's fields, one column each."""
        if not objects:
            nothing = self._struct()  # without a key: not plain
            structs = [struct if type(struct) is self._struct else nothing for struct in structs]
        columns = zip(*map(msgspec.structs.astuple, structs), strict=True)
        return [
            _numbers(column) if field.type is FieldType.NUMBER else column
            for field, column in zip(self._fields, columns, strict=False)
        ]


@lru_cache(maxsize=16)
def _shape(dataset: Dataset) -> _Shape:
    """What the first objects of a file should look like. To make one takes longer than to read a small file."""
    return _Shape(dataset)


class _AnyNames:
    """Decodes objects of any shape."""

    def __init__(self) -> None:
        self.array: _Decode = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
        self.lines: _Decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode_lines


_ANY_NAMES = _AnyNames()


def _struct_field(index: int, type: FieldType) -> tuple[str, Any, Any]:
    """A field that takes any value. Numbers stay raw: a float would not keep every digit."""
    return (f"field_{index}", msgspec.Raw, _NULL) if type is FieldType.NUMBER else (f"field_{index}", Any, None)


_NULL = msgspec.Raw(b"null")
_NO_OBJECT = bool | int | float | str | list[Any] | None
"""What may stand where a record should: it decodes like one, and is rejected as one."""

_encode_raw = msgspec.json.Encoder().encode
_decode_values = msgspec.json.Decoder(list[Any], float_hook=str).decode


def _numbers(column: tuple[msgspec.Raw, ...]) -> Column:
    """Raw values decoded: numbers to the text they are, all others as usual."""
    texts = NumberTexts.from_json(_encode_raw(column)[1:-1], column)
    if len(texts.odd) * FEW_OF <= len(column):
        return texts
    try:
        return _decode_values(_encode_raw(column))
    except _DECODE_ERRORS:  # an integer of a thousand digits, say
        return [decode(bytes(raw)) for raw in column]


class _Values(Sequence[object]):
    """Records of which single ones are decoded when asked for."""

    def __init__(self, count: int, place: Callable[[int], Place]) -> None:
        self._count = count
        self._place = place

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> object:  # type: ignore[override]  # nobody slices
        return decode(self._place(index).raw)


class _ElementPlaces:
    """Finds the elements of a piece of an array."""

    def __init__(self, piece: bytes, objects: int, before: int, offset: int) -> None:
        self._piece, self._before, self._offset = piece, before, offset
        self._objects = objects
        """So many elements there are, if all of them are objects, else 0."""

    def __call__(self, index: int) -> Place:
        begin, end = self._find(index)
        return Place(self._before + index + 1, self._offset + begin, self._piece[begin:end])

    @cached_property
    def _find(self) -> Callable[[int], Span]:
        """The cheapest way that holds."""
        piece = self._piece
        openings = piece.split(b"{")
        if len(openings) - 1 == self._objects:  # no brace is inside any of them
            lengths = list(map(len, openings))

            def find_object(index: int) -> Span:
                begin = sum(lengths[: index + 1]) + index
                return begin, piece.rindex(b"}", begin, begin + 1 + lengths[index + 1]) + 1

            return find_object
        raws = _decode_raw(b"[" + piece + b"]")
        between = piece[len(raws[0]) : piece.find(b"{", len(raws[0]))]
        if between.join(raws) == piece:  # the same everywhere
            sizes = list(map(len, raws))

            def find_equidistant(index: int) -> Span:
                begin = sum(sizes[:index]) + len(between) * index
                return begin, begin + sizes[index]

            return find_equidistant
        spans, end = [], 0
        for raw in map(bytes, raws):
            begin = piece.index(raw, end)
            end = begin + len(raw)
            spans.append((begin, end))
        return spans.__getitem__


_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _LinePlaces:
    """Finds the lines of a text."""

    def __init__(self, text: bytes, before: int, offset: int) -> None:
        self._text, self._before, self._offset = text, before, offset

    def __call__(self, index: int) -> Place:
        line = self._lines[index]
        begin = sum(map(len, self._lines[:index])) + index
        return Place(self._before + index + 1, self._offset + begin, line.rstrip(b"\r"))

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._text.split(b"\n")


def _likely_ends(text: bytes, start: int) -> Iterator[int]:
    """Offsets behind objects that are followed by a comma and another object, the last first."""
    brace = len(text)
    while (brace := text.rfind(b"{", start, brace)) >= 0:
        between = _BETWEEN.search(text, max(start, brace - 200), brace)
        if between is not None:
            yield between.start() + 1


def _is_object_per_line(text: bytes, lines: int) -> bool:
    """Whether every line end stands between two objects: then no object spans lines, whatever is in them."""
    if not (text.startswith(b"{") and text.endswith((b"}\n", b"}\r\n"))):
        return False
    return text.count(b"}\r\n{" if text.endswith(b"\r\n") else b"}\n{") == lines - 1


def _is_perhaps_too_deep(text: bytes, objects: int) -> bool:
    nested = text.count(b"{") + text.count(b"[") - objects
    return nested >= MAX_DEPTH and Nesting().find_deeper(MAX_DEPTH, text) is not None
