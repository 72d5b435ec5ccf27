"""The decompressed bytes of a file. The first bytes decide how it is compressed, never its name.

Memory: one block, whatever the file's size. All byte offsets in `loading` are offsets into these bytes.
"""

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn, Protocol, cast

from logistics_core.zstd import DecompressionParameter, ZstdError, ZstdFile
from logistics_pipeline.errors import FileError

BLOCK_BYTES = 256 * 1024
HEAD_BYTES = 64 * 1024

MAX_EXPANSION = 200
"""The content of a compressed file may be this many times as large as the file; typical JSON is 10 to 30 times."""

FREE_EXPANSION_BYTES = 1 << 30
"""Up to this size, content is accepted whatever the ratio: small files may compress to any degree."""

_GZIP = b"\x1f\x8b"
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([low, 0x2A, 0x4D, 0x18]) for low in range(0x50, 0x60)))
"""How a zstd frame begins, and each of the 16 kinds of skippable frame that may precede it (RFC 8878, section 3.1)."""

_ZSTD_OPTIONS: dict[int, int] = {DecompressionParameter.window_log_max: 27}
"""Windows of up to 128 MiB, as the zstd command accepts by default: the decompressor holds one in memory."""
_WINDOW_TOO_LARGE = "requires too much memory"
"""How libzstd words its refusal of a larger window; the exception carries no code."""

_OTHER_FORMATS = {
    _GZIP: "a gzip file inside a compressed one",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xfe\0\0": "text in UTF-32",
    b"\0\0\xfe\xff": "text in UTF-32",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"SQLite format 3": "an SQLite database",
}

_DECOMPRESSION_ERRORS = (EOFError, OSError, zlib.error, ZstdError)


class _Readable(Protocol):
    """A stream read as bytes arrive. `read` would lose the bytes before a damaged part."""

    def read1(self, size: int = -1, /) -> bytes: ...


class Source:
    """A forward-only stream of decompressed bytes, whose beginning can be inspected.

    `head` holds the first 64 KiB without the byte order mark; `position` is the offset of the next byte `read` returns.
    """

    def __init__(self, stream: _Readable, compression: str | None, max_bytes: int = sys.maxsize) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self.compression = compression
        self.position = 0
        self._damage: Exception | None = None
        self._pending = self.head = self._fill(HEAD_BYTES)
        if self.head.startswith(b"\xef\xbb\xbf"):
            self._pending = self.head = self.head[3:]
            self.position = 3
        self.start = self.position
        """Offset of the first byte after a byte order mark."""

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """Returns the next bytes, at most `size`; empty at the end.

        Raises:
            FileError: the compressed stream is damaged or ends early, or holds more than a file of its size may.
        """
        block = self._pending[:size] or self._fill(size)
        self._pending = self._pending[len(block) :]
        self.position += len(block)
        if self.position > self._max_bytes:
            self._raise_expansion_error()
        return block

    def unread(self, block: bytes) -> None:
        """Puts back the last bytes that were read: they are read again."""
        self._pending = block + self._pending
        self.position -= len(block)

    def skip_to(self, offset: int) -> None:
        """Moves forward to `offset`: at once in a plain file, otherwise by decompressing everything before it.

        Raises:
            FileError: the file ends before it.
        """
        if self.compression is None and offset > self.position:
            self._pending = b""
            file = cast(BinaryIO, self._stream)
            self.position = file.seek(min(offset, file.seek(0, os.SEEK_END)))
        while self.position < offset:
            if not self.read(min(BLOCK_BYTES, offset - self.position)):
                raise FileError("The file ends before the position where its load was interrupted", byte_offset=offset)

    def _fill(self, size: int) -> bytes:
        """Reads until there are `size` bytes or the stream ends."""
        parts, wanted = [], size
        try:
            while wanted > 0 and self._damage is None and (part := self._stream.read1(wanted)):
                parts.append(part)
                wanted -= len(part)
        except _DECOMPRESSION_ERRORS as error:
            self._damage = error
        if self._damage is not None and not parts:  # bytes before the damage are returned first
            self._fail(self._damage)
        return b"".join(parts)

    def _fail(self, damage: Exception) -> NoReturn:
        if self.compression is None:
            raise FileError(f"The file cannot be read: {damage}", byte_offset=self.position) from damage
        if _WINDOW_TOO_LARGE in str(damage):
            raise FileError(
                "The zstd stream has a window of more than 128 MiB; compress the file again with --long=27 or less",
                byte_offset=self.position,
            ) from damage
        raise FileError(
            f"The {self.compression} stream is damaged or cut off ({damage}); deliver the file again",
            byte_offset=self.position,
        ) from damage

    def _raise_expansion_error(self) -> NoReturn:
        raise FileError(
            f"The {self.compression} stream holds more than {self._max_bytes:,} bytes, the limit for its size: "
            "it is a decompression bomb, or so repetitive that LOGISTICS_MAX_EXPANSION must be raised for it",
            byte_offset=self._max_bytes,
        )


@contextmanager
def open_source(path: Path, max_expansion: int = MAX_EXPANSION) -> Iterator[Source]:
    """Opens a file for reading and decompresses it; returns at most `max_expansion` times its size.

    Raises:
        FileError: it is missing, not readable, or of a kind that is never accepted.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileError(f"The file cannot be opened: {error.strerror}") from error
    with file:
        start = _first_bytes(file)
        max_bytes = max(FREE_EXPANSION_BYTES, os.fstat(file.fileno()).st_size * max_expansion)
        if start.startswith(_GZIP):
            source = Source(gzip.GzipFile(fileobj=file), "gzip", max_bytes)
        elif start.startswith(_ZSTD):
            source = Source(ZstdFile(file, options=_ZSTD_OPTIONS), "zstd", max_bytes)
        else:
            source = Source(file, None)
        _reject_other_formats(source.head)
        yield source


def _first_bytes(file: BinaryIO) -> bytes:
    try:
        start = file.read(16)
        file.seek(0)
    except OSError as error:
        raise FileError(f"The file cannot be read: {error.strerror}", byte_offset=0) from error
    return start


def _reject_other_formats(start: bytes) -> None:
    found = next((name for magic, name in _OTHER_FORMATS.items() if start.startswith(magic)), None)
    if found is None and _looks_like_utf16(start[:16]):
        found = "text in UTF-16 without a byte order mark"
    if found is not None:
        raise FileError(f"This is {found}; expected JSON, NDJSON or CSV in UTF-8, plain or as .gz or .zst")


def _looks_like_utf16(start: bytes) -> bool:
    """Whether every other byte is 0 and the others are not, as in Latin text with two bytes per character."""
    halves = start[::2], start[1::2]
    return len(start) >= 4 and any(not any(empty) and all(full) for empty, full in (halves, halves[::-1]))
