"""The decompressed text of a file, in UTF-8. Its content decides how it is compressed and encoded, never its name.

Memory: one block, whatever the file's size. All byte offsets in `loading` are offsets into this text: those of a plain
file in UTF-8 are offsets in the file.
"""

import codecs
import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final, NoReturn, Protocol, cast

from logistics_core.zstd import DecompressionParameter, ZstdError, ZstdFile
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.encodings import (
    UTF8,
    UTF8_MARK,
    Encoding,
    first_sequence_is_utf8,
    recognise,
    recognise_utf16,
)
from logistics_pipeline.files.stored_file import StoredFile, stream_size

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
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"SQLite format 3": "an SQLite database",
}

_DECOMPRESSION_ERRORS = (EOFError, OSError, zlib.error, ZstdError)


class _Readable(Protocol):
    """A stream read as bytes arrive. `read` would lose the bytes before a damaged part."""

    def read1(self, size: int = -1, /) -> bytes: ...


_Recognise = Callable[[], Encoding]
"""Reads a file from its beginning to recognise an encoding with one byte per character."""


class Source:
    """A forward-only stream of decompressed text in UTF-8, whose beginning can be inspected.

    `head` holds the first 64 KiB without the byte order mark and whole heads of blanks; `position` is the offset
    of the next byte `read` returns. Text in another encoding is converted while it is read. Without `recognise`,
    everything is taken as UTF-8.
    """

    def __init__(
        self,
        stream: _Readable,
        compression: str | None,
        max_bytes: int = sys.maxsize,
        recognise: _Recognise | None = None,
        declared: str | None = None,
        file_bytes: int = 0,
    ) -> None:
        """`declared` is the encoding that a contract names, by Python's name."""
        self.file_bytes: Final = file_bytes
        """The size of the file as it is stored, compressed or not; 0 for parts of a file."""
        self._stream = stream
        self._max_bytes = max_bytes
        self.compression = compression
        self.position = 0
        self._damage: Exception | None = None
        self._recognise = recognise
        """None once the encoding is known. Until then, all that was read is ASCII."""
        self._declared = None if declared in ("utf-8", "ascii") else declared
        self._convert: codecs.IncrementalDecoder | None = None
        self.codec = UTF8.codec
        """The encoding of the file, as far as it was read."""
        self._errors = "surrogatepass"
        """How what is no text in its encoding is passed on."""
        self.note: str | None = None
        """What to tell people about the encoding, if it is not plain."""
        self._pending = self._fill(HEAD_BYTES)
        self._begin()
        self._skip_blank_heads()
        self.head: Final = self._pending
        self.start: Final = self.position
        """Offset of the first byte of `head`."""

    def _begin(self) -> None:
        """Recognises the encoding as far as the beginning shows it, and passes over a byte order mark."""
        if self._recognise is not None:
            _reject_other_formats(self._pending)
        encoding = recognise_utf16(self._pending, self._declared) if self._recognise is not None else None
        if encoding is not None:
            self._use(encoding)
            self._pending = self._converted(self._pending[encoding.mark_bytes :])
        else:
            self._pending = self._in_utf8(self._pending)
        if self._pending.startswith(UTF8_MARK):
            self._pending = self._pending[len(UTF8_MARK) :]
            self.position = len(UTF8_MARK)

    def _skip_blank_heads(self) -> None:
        """Passes over blanks that fill a whole head: what the file is shows after them."""
        while len(self._pending) >= HEAD_BYTES and self._pending.isspace():
            self._check_expansion()
            self.position += len(self._pending)
            self._pending = self._read_text(HEAD_BYTES)

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """Returns the next bytes, at most `size`; empty at the end.

        Raises:
            FileError: the compressed stream is damaged or ends early, or holds more than a file of its size may.
        """
        text = self._pending or self._read_text(size)
        block = text[:size]
        self._pending = text[size:]
        self.position += len(block)
        self._check_expansion()
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
        while self.position < offset:
            if self._is_file_in_utf8:
                self._move_to(offset)
            if self.position < offset and not self.read(min(BLOCK_BYTES, offset - self.position)):
                raise FileError("The file ends before the position where its load was interrupted", byte_offset=offset)

    def resume_at(self, offset: int, codec: str | None) -> None:
        """Moves forward to an offset that an earlier reader of the same content has reached.

        `codec` is what the bytes before it have shown, None if all of them are ASCII: then, and in UTF-8, it is the
        offset in a plain file as well, and nothing before it is read.

        Raises:
            FileError: the file ends before it.
        """
        if codec in (None, UTF8.codec) and self.compression is None and self._convert is None:
            if codec is not None:
                self._use(UTF8)
            if offset > self.position:
                self._move_to(offset)
        self.skip_to(offset)

    def _move_to(self, offset: int) -> None:
        self._pending = b""
        file = cast(BinaryIO, self._stream)
        self.position = file.seek(min(offset, file.seek(0, os.SEEK_END)))

    @property
    def _is_file_in_utf8(self) -> bool:
        """Whether offsets in the text are known to be offsets in the file."""
        return self.compression is None and self._convert is None and self._recognise is None

    @property
    def known_codec(self) -> str | None:
        """The encoding of the file once its bytes have shown it; None while all of them are ASCII."""
        return self.codec if self._recognise is None else None

    # -- encodings -------------------------------------------------------------------------------------------------

    def _read_text(self, size: int) -> bytes:
        """Reads bytes and returns them in UTF-8, perhaps more than `size`; empty at the end."""
        if self._convert is None:
            return self._in_utf8(self._fill(size))
        while block := self._fill(size):
            if text := self._converted(block):
                return text
        return self._converted(b"", is_end=True)

    def _in_utf8(self, block: bytes) -> bytes:
        """Passes on a block as it is, unless it shows that the file is not in UTF-8."""
        if self._recognise is None or block.isascii():
            return block
        is_proven = self._declared is None and first_sequence_is_utf8(block)
        encoding = UTF8 if is_proven else self._recognise()
        self._use(encoding)
        return block if encoding.is_utf8 else self._converted(block)

    def _use(self, encoding: Encoding) -> None:
        self._recognise = None
        self.note, self.codec = encoding.note, encoding.codec
        if not encoding.is_utf8:
            # Lone halves of surrogate pairs, and bytes that stand for nothing, stay what they are: no valid UTF-8, so
            # their record is rejected.
            self._errors = "surrogatepass" if encoding.codec.startswith("utf-16") else "surrogateescape"
            self._convert = codecs.getincrementaldecoder(encoding.codec)(self._errors)

    def _converted(self, block: bytes, *, is_end: bool = False) -> bytes:
        assert self._convert is not None
        try:
            return self._convert.decode(block, is_end).encode("utf-8", self._errors)
        except UnicodeDecodeError as error:
            raise FileError(
                "The text in UTF-16 ends in the middle of a character: it is cut off; deliver the file again",
                byte_offset=self.position,
            ) from error

    # -- bytes -----------------------------------------------------------------------------------------------------

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

    def _check_expansion(self) -> None:
        if self.position > self._max_bytes:
            self._raise_expansion_error()

    def _raise_expansion_error(self) -> NoReturn:
        raise FileError(
            f"The {self.compression} stream holds more than {self._max_bytes:,} bytes, the limit for its size: "
            "it is a decompression bomb, or so repetitive that LOGISTICS_MAX_EXPANSION must be raised for it",
            byte_offset=self._max_bytes,
        )


@contextmanager
def open_source(path: StoredFile, max_expansion: int = MAX_EXPANSION, declared: str | None = None) -> Iterator[Source]:
    """Opens a file for reading and decompresses it; returns at most `max_expansion` times its size.

    `declared` is the encoding that the contract names: the text is in it unless its bytes prove another one.

    Raises:
        FileError: it is missing, not readable, or of a kind that is never accepted.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileError(f"The file cannot be opened: {error.strerror}") from error
    with file:
        stream, compression = _decompressed(file)
        size = stream_size(file)
        max_bytes = max(FREE_EXPANSION_BYTES, size * max_expansion)
        yield Source(
            stream,
            compression,
            max_bytes if compression else sys.maxsize,
            lambda: recognise(_blocks(path, max_bytes), declared),
            declared,
            size,
        )


def _decompressed(file: BinaryIO) -> tuple[_Readable, str | None]:
    """A stream of a file's decompressed bytes, and how they are compressed."""
    start = _first_bytes(file)
    if start.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file), "gzip"
    if start.startswith(_ZSTD):
        return ZstdFile(file, options=_ZSTD_OPTIONS), "zstd"
    return cast(_Readable, file), None


def _blocks(path: StoredFile, max_bytes: int) -> Iterator[bytes]:
    """The decompressed bytes of a file, up to its end, to a damaged part or to a limit."""
    left = max_bytes
    with path.open("rb") as file, suppress(*_DECOMPRESSION_ERRORS):
        stream, compression = _decompressed(file)
        while (left > 0 or not compression) and (block := stream.read1(BLOCK_BYTES)):
            left -= len(block)
            yield block


def _first_bytes(file: BinaryIO) -> bytes:
    try:
        start = file.read(16)
        file.seek(0)
    except OSError as error:
        raise FileError(f"The file cannot be read: {error.strerror}", byte_offset=0) from error
    return start


def _reject_other_formats(start: bytes) -> None:
    found = next((name for magic, name in _OTHER_FORMATS.items() if start.startswith(magic)), None)
    if found is not None:
        raise FileError(f"This is {found}; expected JSON, NDJSON or CSV in UTF-8, plain or as .gz or .zst")
