"""Cuts NDJSON into pieces of whole lines and makes chunks of them: one if all is well, otherwise one of each half."""

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

FEW_LINES = 16
"""Pieces of at most this many lines are read line by line rather than bisected again."""

_WHITE = b" \t\r\n"
_AS_LINES: ChooseDecoder = attrgetter("lines")


class LinePieces:
    """Cuts the lines of one file."""

    def __init__(self, decoder: TypedDecoder, maker: RecordTaker, max_bytes: int) -> None:
        self._decoder = decoder
        self._maker = maker
        self._max_bytes = max_bytes

    def cut(self, text: bytes, position: Checkpoint) -> CutResult:
        """Makes chunks of the whole lines of a text."""
        end = text.rfind(b"\n") + 1
        if end > self._max_bytes:
            return [], False
        chunks: list[Chunk] = []
        self._add_chunks(text[:end], position, chunks)
        return chunks, True

    def _add_chunks(self, text: bytes, position: Checkpoint, chunks: list[Chunk]) -> None:
        lines = text.count(b"\n")
        if not lines:
            return
        chunk = self._decode(text, lines, position)
        if chunk is not None:
            chunks.append(chunk)
        elif lines <= FEW_LINES:
            chunks.append(self._one_by_one(text, position))
        else:
            middle = _find_middle(text)
            self._add_chunks(text[:middle], position, chunks)
            done = chunks[-1].checkpoint
            self._add_chunks(text[middle:], Checkpoint(done.records, position.offset + middle), chunks)

    def _decode(self, text: bytes, lines: int, position: Checkpoint) -> Chunk | None:
        if not _is_object_per_line(text, lines):
            return None
        valid, objects = text, self._decoder.decode(text, _AS_LINES)
        if objects is None and (valid := replace_constants(text)) is not text:
            objects = self._decoder.decode(valid, _AS_LINES)
        if objects is None or len(objects) != lines:
            return None
        records = LineRecords(text, position.records, position.offset)
        invalid = [] if valid is text else records.indexes_at(find_constants(text))
        return make_chunk(self._maker, objects, position.records, position.offset + len(text), cache(records), invalid)

    def _one_by_one(self, text: bytes, position: Checkpoint) -> Chunk:
        found = _find_records(text)

        def find(index: int) -> RawRecord:
            begin, raw = found[index]
            return RawRecord(position.records + index + 1, position.offset + begin, raw)

        values = [decode(raw) for _, raw in found]
        return self._maker.from_records(Records(position.records, values, position.offset + len(text), find))


def _find_records(text: bytes) -> list[tuple[int, bytes]]:
    """Offset and text of each line that is not blank."""
    found, end = [], 0
    for line in text.split(b"\n")[:-1]:
        begin, end = end, end + len(line) + 1
        raw = line.strip(_WHITE)
        if raw:
            found.append((begin + len(line) - len(line.lstrip(_WHITE)), raw))
    return found


def _find_middle(text: bytes) -> int:
    """An offset after a line in the middle of several lines."""
    middle = text.index(b"\n", len(text) // 2) + 1
    return middle if middle < len(text) else text.index(b"\n") + 1


def _is_object_per_line(text: bytes, lines: int) -> bool:
    """Whether every line end lies between two objects: then no object spans lines, whatever they contain."""
    if not (text.startswith(b"{") and text.endswith((b"}\n", b"}\r\n"))):
        return False
    return text.count(b"}\r\n{" if text.endswith(b"\r\n") else b"}\n{") == lines - 1
