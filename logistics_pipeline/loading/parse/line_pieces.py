"""Cuts NDJSON into pieces of whole lines and makes a chunk of each.

A piece is decoded at once, but for few lines that are no objects or broken. If that fails, it is decoded line by line.
Either way, the reference reads only the lines that do not decode.
"""

from operator import attrgetter

from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_feed import find_constants, replace_constants
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.formats.record_positions import Span
from logistics_pipeline.loading.layouts import Records
from logistics_pipeline.loading.parse.chunks import Chunk, RecordTaker
from logistics_pipeline.loading.parse.object_lines import replace_broken, replace_others
from logistics_pipeline.loading.parse.piece_records import FoundRecords, LineRecords
from logistics_pipeline.loading.parse.pieces import CutResult, make_chunk
from logistics_pipeline.loading.parse.typed_json import ChooseDecoder, TypedDecoder, TypedObjects

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
        return [self._decode(text, position) or self._line_by_line(text, position)], True

    def _decode(self, text: bytes, position: Checkpoint) -> Chunk | None:
        found = replace_others(text)
        decoded = None if found is None else self._decode_objects(*found)
        if decoded is None or len(decoded[0]) != text.count(b"\n"):
            return None
        objects, changed = decoded
        records = LineRecords(text, position.records, position.offset)
        others = {index: decode(records(index).raw) for index in (records.indexes_at(changed) if changed else ())}
        if any(isinstance(value, dict) for value in others.values()):
            return None
        return make_chunk(self._maker, objects, position.records, position.offset + len(text), records, others)

    def _decode_objects(self, text: bytes, changed: list[int]) -> tuple[TypedObjects, list[int]] | None:
        """Decodes lines, if need be without constants that JSON lacks and broken lines; adds where these are."""
        objects = self._decoder.decode(text, _AS_LINES)
        if objects is None and self._decoder.takes_constants and (valid := replace_constants(text)) is not text:
            changed = [*changed, *find_constants(text)]
            text, objects = valid, self._decoder.decode(valid, _AS_LINES)
        if objects is None and (replaced := replace_broken(text)) is not None:
            changed = [*changed, *replaced[1]]
            objects = self._decoder.decode(replaced[0], _AS_LINES)
        return None if objects is None else (objects, changed)

    def _line_by_line(self, text: bytes, position: Checkpoint) -> Chunk:
        spans, end = _find_spans(text), position.offset + len(text)
        find = FoundRecords(text, spans, position.records, position.offset)
        lines = [text[begin:end] for begin, end in spans]
        if decoded := self._decoder.decode_each(lines):
            objects, undecoded = decoded
            others = {index: decode(lines[index]) for index in undecoded}
            if not any(isinstance(value, dict) for value in others.values()):
                return make_chunk(self._maker, objects, position.records, end, find, others)
        return self._maker.from_records(Records(position.records, list(map(decode, lines)), end, find))


def _find_spans(text: bytes) -> list[Span]:
    """Where the lines are that are not blank, without white space at either end."""
    found, end = list[Span](), 0
    for line in text.split(b"\n")[:-1]:
        begin, end = end, end + len(line) + 1
        raw = line.strip(_WHITE)
        if raw:
            begin += len(line) - len(line.lstrip(_WHITE))
            found.append((begin, begin + len(raw)))
    return found
