"""Cuts the text of a JSON array into pieces of whole elements and makes chunks of them.

A piece is cut where an element seems to end. If the array's content up to there, in brackets, is valid JSON and a comma
follows, the cut is a true boundary: a parser that has read whole elements is back at the top level. A wrong guess
therefore fails to decode and is never taken.
"""

import re
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter

from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_feed import find_constants, replace_constants
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH, is_too_deep, value_end
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import Records, Unreadable
from logistics_pipeline.loading.parse.chunks import Chunk, RecordTaker
from logistics_pipeline.loading.parse.piece_records import ElementRecords, FoundRecords
from logistics_pipeline.loading.parse.pieces import CutResult, make_chunk
from logistics_pipeline.loading.parse.typed_json import ChooseDecoder, TypedDecoder
from logistics_pipeline.loading.parse.written_rejects import Reject

MAX_CUT_ATTEMPTS = 4
"""Positions to cut at that are tried."""

_SEPARATORS = b" \t\r\n,"
_FIRST = re.compile(rb"[ \t\r\n]*(?=[^ \t\r\n\]])")
_NEXT = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*(?=[^ \t\r\n])")
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\Z")
_AS_ARRAY: ChooseDecoder = attrgetter("array")


class ArrayPieces:
    """Cuts the elements of one array."""

    def __init__(self, decoder: TypedDecoder, maker: RecordTaker, *, is_begun: bool) -> None:
        self._decoder = decoder
        self._maker = maker
        self._is_begun = is_begun
        """There was an element before the text."""

    def cut(self, text: bytes, position: Checkpoint) -> CutResult:
        """Makes a chunk of the text's elements. Always leaves the last one: what follows it decides if it is whole."""
        gap = (_NEXT if self._is_begun else _FIRST).match(text)
        if gap is None:
            return [], _is_separator(text)  # only a separator so far; otherwise the array has ended
        start = gap.end()
        for end in islice(_likely_ends(text, start), MAX_CUT_ATTEMPTS):
            found = self._decode(text, start, end, position)
            if found is not None:
                chunk, records = found
                if chunk.rejects and records.may_be_too_deep and any(map(_is_too_deep, chunk.rejects)):
                    break
                self._is_begun = True
                return [chunk], True
        return self._one_by_one(text, start, position)

    def _decode(self, text: bytes, start: int, end: int, position: Checkpoint) -> tuple[Chunk, ElementRecords] | None:
        valid = piece = text[start:end]
        objects = self._decoder.decode(b"".join((b"[", piece, b"]")), _AS_ARRAY)
        if objects is None and self._decoder.takes_constants and (valid := replace_constants(piece)) is not piece:
            objects = self._decoder.decode(b"".join((b"[", valid, b"]")), _AS_ARRAY)
        if objects is None:
            return None
        records = ElementRecords(valid, piece, objects, position.records, position.offset + start)
        changed = [] if valid is piece else records.indexes_at(find_constants(piece))
        others = {index: decode(records(index).raw) for index in changed}
        chunk = make_chunk(self._maker, objects, position.records, position.offset + end, records, others)
        return chunk, records

    def _one_by_one(self, text: bytes, start: int, position: Checkpoint) -> CutResult:
        """Reads the complete elements, up to the first that only the reference parser can read."""
        values, spans, can_continue = _read_elements(text, start)
        if not values:
            return [], can_continue
        self._is_begun = True
        find = FoundRecords(text, spans, position.records, position.offset)
        records = Records(position.records, values, position.offset + spans[-1][1], find)
        return [self._maker.from_records(records)], can_continue


def _read_elements(text: bytes, start: int) -> tuple[list[object], list[Span], bool]:
    """Decodes complete elements one by one: their values, where they are, and whether more can follow."""
    values, spans = list[object](), list[Span]()
    while (end := value_end(text, start, MAX_DEPTH)) is not None:
        gap = _NEXT.match(text, end)
        if gap is None:
            return values, spans, _is_separator(text[end:])  # otherwise the array has ended or is broken
        value = decode(text[start:end])
        if isinstance(value, Unreadable) and not value.is_json:
            return values, spans, False
        values.append(value)
        spans.append((start, end))
        start = gap.end()
    return values, spans, True


def _is_too_deep(reject: Reject) -> bool:
    return is_too_deep(reject.raw_record.raw)


def _is_separator(text: bytes) -> bool:
    return not text.strip(_SEPARATORS)


def _likely_ends(text: bytes, start: int) -> Iterator[int]:
    """Offsets after objects that are followed by a comma and another object, the last first."""
    brace = len(text)
    while (brace := text.rfind(b"{", start, brace)) >= 0:
        between = _BETWEEN.search(text, max(start, brace - 200), brace)
        if between is not None:
            yield between.start() + 1
