"""Reads a file, or enough of it: small files wholly, of large ones the beginning, the end and 64 blocks in between.

The blocks are at random places, the same ones each time a file of that size is read. What the sample did not show is
judged when the file is loaded, by the same functions: it is rejected then, never read in another way.

Memory: the sample, at most `WHOLE_BYTES`, and what is made of it: of a file with more than `MOST_RECORDS` records or
`MOST_VALUES` values, only a sample is read even if it is small.
"""

import codecs
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import BLOCK_BYTES, MAX_EXPANSION, Source, open_source
from logistics_pipeline.files.encodings import UTF8, recognise
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.inference.column_types import Doubt

WHOLE_BYTES = 8 << 20
"""Content up to this size is read wholly."""
BEGINNING_BYTES = 1 << 20
TAIL_BYTES = 256 << 10
PIECES = 64
PIECE_BYTES = 48 << 10
MOST_RECORDS = 250_000
MOST_VALUES = 800_000
"""If all are different, they take some 100 MB."""
_SETTLED = re.compile("Encoding ")
"""How a note begins that tells an encoding."""
_MOST_DECOMPRESSED = 64 << 20
"""Of a compressed file, which cannot be read from the middle: blocks are taken from this much of its beginning."""


@dataclass(frozen=True)
class Sample:
    """Parts of a file's text in UTF-8, in order."""

    head: bytes
    """From the beginning on; everything, if `is_whole`."""
    pieces: tuple[bytes, ...]
    """Parts further on, cut anywhere; the last one ends where the file ends, if `has_end`."""
    is_whole: bool
    has_end: bool
    total_bytes: int | None
    """Of the text; None if a compressed file was not read to its end."""
    compression: str | None
    encoding_note: str | None
    codec: str = UTF8.codec
    """The encoding of the file, by Python's name."""

    @property
    def read_bytes(self) -> int:
        """How much of the text was read."""
        return len(self.head) + sum(map(len, self.pieces))

    @property
    def sentence(self) -> str:
        """What was read, for people."""
        if self.is_whole:
            return f"The whole file was read: {self.read_bytes:,} bytes of text."
        of = f" of {self.total_bytes:,}" if self.total_bytes is not None else ""
        end = " and the end" if self.has_end else ""
        return (
            f"{self.read_bytes:,}{of} bytes were read: the beginning, {len(self.pieces) - self.has_end} blocks further "
            f"on{end}. A load judges every value."
        )


def read_sample(path: StoredFile, max_expansion: int = MAX_EXPANSION, encoding: str | None = None) -> Sample:
    """Reads a file, or a sample of it. It is in `encoding`, by Python's name, unless its bytes prove another one.

    Raises:
        FileError: it cannot be opened or decompressed, or is of a kind that is never accepted.
    """
    with open_source(path, max_expansion, encoding) as source:
        is_large_plain = source.compression is None and source.file_bytes > WHOLE_BYTES
        most = BEGINNING_BYTES if is_large_plain else WHOLE_BYTES
        parts, size = [], 0
        while size <= most and (block := source.read(BLOCK_BYTES)):
            parts.append(block)
            size += len(block)
        text = b"".join(parts)
        if size <= most:
            return Sample(text, (), True, True, size, source.compression, source.note, source.codec)
        if source.compression is None and source.note is None:
            return _from_plain(path, text, source.file_bytes, encoding)
        return _from_stream(source, text)


def thinned(sample: Sample) -> Sample:
    """Of a file that was read wholly, the parts that are looked at of a large one."""
    text = sample.head
    beginning, tail = min(BEGINNING_BYTES, len(text) // 4), min(TAIL_BYTES, len(text) // 8)
    possible = range(beginning, len(text) - tail - PIECE_BYTES, PIECE_BYTES)
    places = sorted(random.Random(len(text)).sample(possible, min(PIECES, len(possible))))
    pieces = [text[place : place + PIECE_BYTES] for place in places]
    return replace(sample, head=text[:beginning], pieces=(*pieces, text[-tail:]), is_whole=False)


def shares(sample: Sample, most: int) -> Iterator[int]:
    """How many of `most` lines are read of each part: half at the beginning, half in between, a quarter at the end."""
    between = len(sample.pieces) - sample.has_end
    yield most if not sample.pieces else most // 2
    for _ in range(between):
        yield most // 2 // between
    if sample.pieces and sample.has_end:
        yield most // 4


def first_lines(text: bytes, line_end: bytes, most: int) -> bytes:
    """At most so many lines at the beginning of a text."""
    place = 0
    for _ in range(most):
        place = text.find(line_end, place) + len(line_end)
        if place < len(line_end):
            return text
    return text[:place]


def last_lines(text: bytes, line_end: bytes, most: int) -> bytes:
    """At most so many lines at the end of a text, and the line end before them."""
    place = len(text)
    for _ in range(most + 1):
        place = text.rfind(line_end, 0, place)
        if place < 0:
            return text
    return text[place:]


def _from_plain(path: StoredFile, text: bytes, size: int, declared: str | None) -> Sample:
    """A sample of a plain file in UTF-8, read from the places themselves."""
    places = sorted(
        random.Random(size).sample(range(BEGINNING_BYTES, size - TAIL_BYTES - PIECE_BYTES, PIECE_BYTES), PIECES)
    )
    try:
        with path.open("rb") as file:
            pieces = [_read_at(file, place, PIECE_BYTES) for place in places]
            pieces.append(_read_at(file, size - TAIL_BYTES, TAIL_BYTES))
    except OSError as error:
        raise FileError(f"The file cannot be read: {error.strerror}") from error
    head, encoding = text[:BEGINNING_BYTES], UTF8
    if not all(map(_is_utf8, pieces)):
        encoding = recognise([head, *pieces], declared)
        if not encoding.is_utf8:
            head, *pieces = (_in_utf8(part, encoding.codec) for part in (head, *pieces))
    return Sample(head, tuple(pieces), False, True, size, None, encoding.note, encoding.codec)


def _in_utf8(part: bytes, codec: str) -> bytes:
    return part.decode(codec, "surrogateescape").encode("utf-8", "surrogateescape")


def _is_utf8(piece: bytes) -> bool:
    """Whether a piece that was cut anywhere is UTF-8: there may be a part of a character at either end."""
    begin = next((index for index in range(min(4, len(piece))) if piece[index] & 0xC0 != 0x80), 0)
    try:
        codecs.utf_8_decode(piece[begin:], "strict", False)
    except UnicodeDecodeError:
        return False
    return True


def _read_at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _from_stream(source: Source, text: bytes) -> Sample:
    """A sample of a file that can only be read from its beginning on."""
    found: list[tuple[int, bytes]] = []
    step = _MOST_DECOMPRESSED // PIECES
    end, is_at_end, last = len(text), False, b""
    while end < _MOST_DECOMPRESSED:
        block = source.read(BLOCK_BYTES)
        if not block:
            is_at_end = True
            break
        if end // step != (end + len(block)) // step and len(found) < PIECES:
            found.append((end, block[:PIECE_BYTES]))
        end += len(block)
        last = (last + block)[-TAIL_BYTES:]
    pieces = [piece for place, piece in found if not is_at_end or place + len(piece) <= end - len(last)]
    if is_at_end:
        pieces.append(last)
    total = end if is_at_end else None
    return Sample(
        text[:BEGINNING_BYTES],
        tuple(pieces),
        False,
        is_at_end,
        total,
        source.compression,
        source.note,
        source.codec,
    )


def encoding_doubt(sample: Sample) -> Doubt | None:
    """Asks for the encoding if the text is not UTF-8 and nothing tells what it is."""
    if sample.encoding_note is None or _SETTLED.match(sample.encoding_note):
        return None
    broken = sum(not _is_utf8(line) for line in sample.head.split(b"\n"))
    text = f"In which encoding is the file? It is neither UTF-8 nor Windows-1252, and {broken:,} lines depend on it."
    return Doubt("encoding", text, broken, ("windows-1250", "windows-1251", "koi8-r", "gbk", "cp850", "iso-8859-2"))


def as_source(text: bytes) -> Source:
    """A part of a sample as the readers of the loader take it."""
    return Source(BytesIO(text), None)
