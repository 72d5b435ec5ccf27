"""What a store of files must be able to do, whatever it is: a bucket, a web server, an SFTP server.

A store knows its files by raw keys: their paths below the URL of the place, as the store has them. What it says of a
file's content is a `StoredVersion`; what is read of it is always of that version, or nothing (`FileChangedError`).
"""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import BinaryIO, ClassVar, NamedTuple

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.time_limits import RANGE_SECONDS
from logistics_pipeline.errors import ConfigurationError, FileError, TransientError

DOWNLOAD_BYTES = 8 << 20


class PlaceError(ConfigurationError):
    """A place refuses what is asked of it, and will until a person changes something: the message says what."""


class FileGoneError(FileError):
    """There is no such file at the place any more."""


class StoredVersion(NamedTuple):
    """What a store says of a file as it is now; another content has another one."""

    size_bytes: int
    modified_ns: int
    etag: str | None = None
    """What the store calls the content, without quotes; None if it has no name for it."""
    version_id: str | None = None
    """Where the store keeps earlier contents: which one this is."""

    @property
    def fingerprint(self) -> tuple[int, int | str]:
        """Size and ETag; size and time where there is no ETag."""
        return self.size_bytes, self.modified_ns if self.etag is None else self.etag


class ListedFile(NamedTuple):
    """A file in a listing."""

    key: str
    version: StoredVersion


def trusted(place: PlaceDefinition) -> ssl.SSLContext | bool:
    """Which certificates of servers are accepted: the usual ones, or those of the authority that the place names.

    Raises:
        PlaceError: the file with the authority cannot be used.
    """
    file = place.option("caFile")
    try:
        return True if file is None else ssl.create_default_context(cafile=file)
    except OSError as error:
        raise PlaceError(f"{place.url}: `caFile` {file} cannot be used ({error}). Correct it.") from None


class Store(ABC):
    """A place that files are read from. Its methods may be called by several threads.

    All raise TransientError for what may succeed later, and PlaceError for what a person must change.
    """

    has_whole_files: ClassVar[bool] = True
    """Whether a file shows only when it is whole. Where it does not, files are left alone until they have settled."""

    @abstractmethod
    def look(self, key: str) -> StoredVersion | None:
        """The file as it is now; None if there is none."""

    @abstractmethod
    def read(self, key: str, version: StoredVersion, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`, all of that version.

        Raises:
            FileChangedError: the file has another content now.
            FileGoneError: there is no such file any more.
        """

    def upload(self, key: str, blocks: Iterable[bytes]) -> None:
        """Stores a file, which shows only when it is whole, and takes the place of an earlier one.

        Raises:
            PlaceError: this kind of store is only read.
        """
        raise PlaceError("Files of this kind of place are only read. Export to a folder, s3://, az:// or gs://.")

    def close(self) -> None:  # noqa: B027
        """Closes connections, if there are any."""

    def download(self, key: str, version: StoredVersion, file: BinaryIO) -> None:
        """Writes the whole file of that version into another one.

        Raises:
            FileChangedError: the file has another content now.
            FileGoneError: there is no such file any more.
        """
        for start in range(0, version.size_bytes, DOWNLOAD_BYTES):
            file.write(self.read(key, version, start, min(version.size_bytes, start + DOWNLOAD_BYTES)))

    @abstractmethod
    def pages(self, after: str | None = None) -> Iterator[list[ListedFile]]:
        """All files below the URL of the place, in pages; those after a raw key, where the store can begin there."""


def read_in_time(parts: Iterable[bytes], size: int, sender: str) -> bytes:
    """The first `size` bytes of an answer, within a time limit: a `sender` may also send one byte a minute.

    Raises:
        TransientError: fewer came, or they took too long.
    """
    deadline, read, left = monotonic() + RANGE_SECONDS, list[bytes](), size
    for part in parts:
        read.append(part[:left])
        left -= len(read[-1])
        if not left:
            break
        if monotonic() > deadline:
            raise TransientError(f"The {sender} has sent {size - left:,} of {size:,} bytes in {RANGE_SECONDS} seconds")
    if left:
        raise TransientError(f"The {sender} has sent {size - left:,} of {size:,} bytes")
    return b"".join(read)


def in_parts(blocks: Iterable[bytes], part_bytes: int) -> Iterator[bytes]:
    """Blocks as parts of an upload: all but the last one of the same size; at least one."""
    parts, size, is_first = list[bytes](), 0, True
    for block in blocks:
        parts.append(block)
        size += len(block)
        while size >= part_bytes:
            whole = b"".join(parts)
            yield whole[:part_bytes]
            parts, size, is_first = [whole[part_bytes:]], size - part_bytes, False
    if size or is_first:
        yield b"".join(parts)
