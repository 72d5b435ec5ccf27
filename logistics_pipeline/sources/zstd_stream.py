"""A zstd file as a stream that notices when it was cut off, which the library's own reader takes for the end.

The format of frames: RFC 8878, section 3.1.
"""

from typing import BinaryIO

import zstandard

_SKIPPABLE_MAGICS = range(0x184D2A50, 0x184D2A60)
_DICTIONARY_ID_BYTES = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)
_RUN_LENGTH_BLOCK = 1


class ZstdStream:
    """The decompressed bytes of a file of one or more frames."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)

    def read1(self, size: int = -1, /) -> bytes:
        """Returns the next bytes, at most `size`; empty at the end.

        Raises:
            EOFError: the file ends within a frame.
            zstandard.ZstdError: the file is damaged.
        """
        data = self._reader.read1(size)
        if not data and size:
            self._file.seek(0)
            while self._skip_frame():
                pass
        return data

    def _skip_frame(self) -> bool:
        """Moves on to the next frame by the lengths that frames and blocks tell; False at the end of the file."""
        if not (magic := self._file.read(4)):
            return False
        if int.from_bytes(magic, "little") in _SKIPPABLE_MAGICS:
            self._skip(self._number(4))
            return True
        descriptor = self._number(1)
        is_single_segment = descriptor >> 5 & 1
        content_size_bytes = _CONTENT_SIZE_BYTES[descriptor >> 6] or is_single_segment
        self._skip((1 - is_single_segment) + _DICTIONARY_ID_BYTES[descriptor & 3] + content_size_bytes)
        is_last = 0
        while not is_last:
            block = self._number(3)
            is_last, kind, length = block & 1, block >> 1 & 3, block >> 3
            self._skip(1 if kind == _RUN_LENGTH_BLOCK else length)
        has_checksum = descriptor >> 2 & 1
        self._skip(4 * has_checksum)
        return True

    def _number(self, length: int) -> int:
        return int.from_bytes(self._take(length), "little")

    def _skip(self, length: int) -> None:
        if length:
            self._file.seek(length - 1, 1)
            self._take(1)

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise EOFError("the file ends within a zstd frame")
        return data
