"""The fast parser: reads arrays of objects and NDJSON piece by piece, as typed objects decoded by msgspec.

Pieces that do not decode as expected are read record by record, as the reference parser would. What cannot be cut at
all (the last record and what follows it, broken JSON, giant records) is left to the reference parser.
"""

from collections.abc import Generator

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.parse.array_pieces import ArrayPieces
from logistics_pipeline.loading.parse.chunks import Chunk, RecordTaker
from logistics_pipeline.loading.parse.line_pieces import LinePieces
from logistics_pipeline.loading.parse.pieces import Cut
from logistics_pipeline.loading.parse.typed_json import TypedDecoder

MAX_PIECE_BYTES = 1 << 20
"""A piece that grows beyond this without a position to cut at is left to the reference parser."""

FastChunks = Generator[Chunk, None, Checkpoint]
"""Yields chunks; returns the checkpoint after the last, to which the source is moved back: the reference parser
continues there."""


class FastJsonParser:
    """Reads the records of one file as far as it can."""

    def __init__(
        self, source: Source, decoder: TypedDecoder, maker: RecordTaker, chunk_bytes: int, max_record_bytes: int
    ) -> None:
        self._source = source
        self._decoder = decoder
        self._maker = maker
        self._chunk_bytes = min(chunk_bytes, max_record_bytes)
        self._max_bytes = min(max(MAX_PIECE_BYTES, chunk_bytes), max_record_bytes)

    def read_elements(self, done: int, *, is_begun: bool) -> FastChunks:
        """Reads elements of the array that the source is in, after `done` records; always leaves the last one.

        With `is_begun`, there was an element of the array before.
        """
        return self._read(done, ArrayPieces(self._decoder, self._maker, is_begun=is_begun).cut)

    def read_lines(self, done: int) -> FastChunks:
        """Reads lines from the source's position, after `done` records."""
        return self._read(done, LinePieces(self._decoder, self._maker, self._max_bytes).cut)

    def _read(self, done: int, cut: Cut) -> FastChunks:
        position, text = Checkpoint(done, self._source.position), b""
        while len(text) <= self._max_bytes and (block := self._read_block(self._max_bytes + 1 - len(text))):
            text += block
            chunks, can_continue = cut(text, position)
            yield from chunks
            if chunks:
                text = text[chunks[-1].checkpoint.offset - position.offset :]
                position = chunks[-1].checkpoint
            if not can_continue:
                break
        self._source.unread(text)
        return position

    def _read_block(self, most_bytes: int) -> bytes:
        """Reads no further than shows that a record is too large.

        Treats damage like the end of the file: the reference parser reads the rest and reports what is wrong.
        """
        try:
            return self._source.read(min(self._chunk_bytes, most_bytes))
        except FileError:
            return b""
