"""Reads a file of a store by ranges, the next one meanwhile: a stream as of a file on disk, always of one version.

Memory: two ranges of at most `RANGE_BYTES`, and the beginnings of the files read last.
"""

import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from logistics_pipeline.errors import FileError, TransientError
from logistics_pipeline.files.content_hash import note_hash
from logistics_pipeline.files.stores import PlaceError

Result = TypeVar("Result")

if TYPE_CHECKING:
    from logistics_pipeline.files.remote_file import RemoteFile

RANGE_BYTES = 8 << 20
"""The largest range. A load that is cut reads at most two of them again, besides what it had not committed."""
BEGINNING_BYTES = 1 << 20
"""The first range. It is read once, however often a file is opened: to recognise its format, and to load it."""
_FIRST_ELSEWHERE_BYTES = 256 << 10
_GROWTH = 4
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5
"""Of one range; after that, the load itself is tried again, from its checkpoint on."""


class RangeReader(io.BufferedIOBase):
    """A stream of one version of a file, which can be positioned anywhere."""

    def __init__(self, file: "RemoteFile") -> None:
        self._file = file
        self._size = file.version.size_bytes
        self._position = 0
        self._start = 0
        """Of the range in memory."""
        self._range = memoryview(b"")
        self._next_bytes = BEGINNING_BYTES
        """The size of the range after that one."""
        self._ahead: tuple[int, Future[bytes]] | None = None
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="next range")
        self._digest = sha256()
        self._hashed = 0
        """The beginning of the file up to here is hashed."""
        self._lock = Lock()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes of the range in memory, at most `size`; of the next range if it is used up."""
        if self._position >= self._size or size == 0:
            return b""
        offset = self._position - self._start
        if not 0 <= offset < len(self._range):
            self._fetch()
            offset = 0
        block = bytes(self._range[offset : None if size < 0 else offset + size])
        self._position += len(block)
        return block

    def read(self, size: int | None = -1, /) -> bytes:
        left = self._size - self._position if size is None or size < 0 else size
        parts = []
        while left > 0 and (part := self.read1(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: "io.BytesIO | bytearray | memoryview", /) -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        block = self.read1(len(view))
        view[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        super().close()

    # -- ranges ----------------------------------------------------------------------------------------------------

    def _fetch(self) -> None:
        """Takes the range that begins at the position; where the reader goes straight on, begins to read the next."""
        position, goes_on = self._position, self._position == self._start + len(self._range)
        if self._ahead is not None and self._ahead[0] == position:
            data = self._ahead[1].result()
        else:
            if not goes_on:
                self._next_bytes = BEGINNING_BYTES if position == 0 else _FIRST_ELSEWHERE_BYTES
            data = self._read(position, self._next_bytes)
        self._ahead = None
        self._range, self._start = memoryview(data), position
        self._next_bytes = min(RANGE_BYTES, self._next_bytes * _GROWTH)
        end = position + len(data)
        if goes_on and position > 0 and end < self._size:
            self._ahead = end, self._threads.submit(self._read, end, self._next_bytes)

    def _read(self, start: int, size: int) -> bytes:
        end = min(self._size, start + size)
        data = beginning_of(self._file) if start == 0 else read_range(self._file, start, end)
        self._hash(start, data)
        return data

    def _hash(self, start: int, data: bytes) -> None:
        with self._lock:
            if start != self._hashed:
                return
            self._digest.update(data)
            self._hashed += len(data)
            if self._hashed == self._size:
                note_hash(self._file, self._digest.hexdigest())


def read_range(file: "RemoteFile", start: int, end: int) -> bytes:
    """Reads a range, again if that fails for a moment.

    Raises:
        FileError: the file has changed or is gone, or the place refuses to hand it out.
        TransientError: the store does not answer.
    """
    return patiently(lambda: file.store.read(file.key, file.version, start, end))


@lru_cache(maxsize=2)
def beginning_of(file: "RemoteFile") -> bytes:
    """The beginning of a version of a file."""
    return read_range(file, 0, min(file.version.size_bytes, BEGINNING_BYTES))


def patiently(read: Callable[[], Result]) -> Result:
    """Reads something, again if that fails for a moment.

    Raises:
        FileError: the place refuses.
        TransientError: it has failed too often.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(
            multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS, jitter=FIRST_PAUSE_SECONDS
        ),
        reraise=True,
    ):
        with attempt:
            try:
                return read()
            except PlaceError as error:
                raise FileError(f"{error} After that, the file is loaded by `logistics retry`") from error
    raise AssertionError("tenacity either returns or raises")
