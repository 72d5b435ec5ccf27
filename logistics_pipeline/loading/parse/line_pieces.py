"""Cuts NDJSON into pieces of whole lines and makes a chunk of each.

A piece is decoded at once if all of it is well. Otherwise it is decoded line by line, and the reference reads only the
lines that do not decode.
"""

from functools import cache
from operator import attrgetter

from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_feed import find_constants, replace_constants
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import RawRecord, Records
from logistics_pipeline.loading.parse.chunks import Chunk, RecordTaker
from logistics_pipeline.loading.parse.piece_records import LineRecords
from logistics_pipeline.loading.parse.pieces import CutResult, make_chunk
from logistics_pipeline.loading.parse.typed_json import ChooseDecoder, TypedDecoder

_WHITE = b" \t\r\n"
_AS_LINES: ChooseDecoder = attrgetter("lines")


class LinePieces:
    """Cuts the lines of one file."""

    def __init__(self, decoder: TypedDecoder, maker: RecordTaker, max_bytes: int) -> None:
        self._decoder = decoder
        self._maker = maker
        self._max_bytes = max_bytes

    def cut(self, text: bytes, position: Checkpoint) -> CutResult:
        """Makes a chunk of the whole lines of a text."""
        end = text.rfind(b"\n") + 1
        if end > self._max_bytes:
            return [], False
        if not end:
            return [], True
        text = text[:end]
        return [self._decode(text, text.count(b"\n"), position) or self._line_by_line(text, position)], True

    def _decode(self, text: bytes, lines: int, position: Checkpoint) -> Chunk | None:
        if not _is_object_per_line(text, lines):
            return None
        valid, objects = text, self._decoder.decode(text, _AS_LINES)
        if objects is None and self._decoder.takes_constants and (valid := replace_constants(text)) is not text:
            objects = self._decoder.decode(valid, _AS_LINES)
        if objects is None or len(objects) != lines:
            return None
        records = LineRecords(text, position.records, position.offset)
        changed = [] if valid is text else records.indexes_at(find_constants(text))
        find = cache(records)
        others = {index: decode(find(index).raw) for index in changed}
        return make_chunk(self._maker, objects, position.records, position.offset + len(text), find, others)

    def _line_by_line(self, text: bytes, position: Checkpoint) -> Chunk:
        found, end = _find_records(text), position.offset + len(text)

        def find(index: int) -> RawRecord:
            begin, raw = found[index]
            return RawRecord(position.records + index + 1, position.offset + begin, raw)

        lines = [raw for _, raw in found]
        if decoded := self._decoder.decode_each(lines):
            objects, undecoded = decoded
            others = {index: decode(lines[index]) for index in undecoded}
            if not any(isinstance(value, dict) for value in others.values()):
                return make_chunk(self._maker, objects, position.records, end, find, others)
        return self._maker.from_records(Records(position.records, list(map(decode, lines)), end, find))


def _find_records(text: bytes) -> list[tuple[int, bytes]]:
    """Offset and text of each line that is not blank."""
    found, end = [], 0
    for line in text.split(b"\n")[:-1]:
        begin, end = end, end + len(line) + 1
        raw = line.strip(_WHITE)
        if raw:
            found.append((begin + len(line) - len(line.lstrip(_WHITE)), raw))
    return found


def _is_object_per_line(text: bytes, lines: int) -> bool:
    """Whether every line end lies between two objects: then no object spans lines, whatever they contain."""
    if not (text.startswith(b"{") and text.endswith((b"}\n", b"}\r\n"))):
        return False
    return text.count(b"}\r\n{" if text.endswith(b"\r\n") else b"}\n{") == lines - 1
