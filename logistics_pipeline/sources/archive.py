"""The archive: bodies of responses as they were received, each once, named by the SHA-256 of its content.

    archive/pages/ab/ab12....zst                    a body, compressed
    archive/pulls/SOURCE/RESOURCE/PULL.ndjson       what a pull consists of, see `sidecars`

Memory: a body up to `IN_MEMORY_BYTES`; larger ones go to a file while they arrive.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from time import time_ns
from typing import Any

from logistics_core.zstd import ZstdError, ZstdFile, compress, decompress
from logistics_pipeline.sources.faults import FaultKind, SourceFault

IN_MEMORY_BYTES = 2 << 20
_LEVEL = 1
_COPY_BYTES = 1 << 18
_SYNCED_TOGETHER = 8
"""Files that wait for the disk at the same time: it writes them together."""


@dataclass(frozen=True)
class Body:
    """A body in the archive."""

    sha256: str
    size: int
    content: bytes | None
    """None if it is too large to be held in memory."""


@dataclass(frozen=True)
class Archive:
    """The folder of pages."""

    folder: Path

    def path_of(self, digest: str) -> Path:
        """Where the body with that hash is, or would be."""
        return Path(self.name_of(digest))

    def name_of(self, digest: str) -> str:
        """The same as a text: a `Path` is made in 0.02 ms, and each page has some."""
        return f"{self.folder}/pages/{digest[:2]}/{digest}.zst"

    @property
    def pages(self) -> Path:
        """The folder of bodies."""
        return self.folder / "pages"

    def holds(self, digest: str) -> bool:
        """Whether it has a body with that hash; an empty file is one that a power cut has left behind."""
        try:
            return os.stat(self.name_of(digest)).st_size > 0  # noqa: PTH116
        except OSError:
            return False

    @contextmanager
    def incoming(self) -> Iterator["IncomingBody"]:
        """Takes in a body; what is not finished when the block ends leaves nothing behind."""
        body = IncomingBody(self)
        try:
            yield body
        finally:
            body.close()

    @contextmanager
    def open(self, digest: str) -> Iterator[ZstdFile]:
        """Opens a body for reading.

        Raises:
            SourceFault: it is not there.
        """
        try:
            with ZstdFile(self.path_of(digest), "rb") as file:
                yield file
        except FileNotFoundError:
            raise self._missing(digest) from None
        except (ZstdError, EOFError) as error:
            raise self._damaged(digest) from error

    def read(self, digest: str) -> bytes:
        """A whole body, checked against its hash.

        Raises:
            SourceFault: it is not there, or is not what was received.
        """
        try:
            content = decompress(self.path_of(digest).read_bytes())
        except FileNotFoundError:
            raise self._missing(digest) from None
        except (ZstdError, EOFError) as error:
            raise self._damaged(digest) from error
        if sha256(content).hexdigest() != digest:
            raise self._damaged(digest)
        return content

    def check(self, digest: str) -> None:
        """Compares a body of any size with its hash.

        Raises:
            SourceFault: it is not there, or is not what was received.
        """
        found = sha256()
        with self.open(digest) as file:
            while chunk := file.read(_COPY_BYTES):
                found.update(chunk)
        if found.hexdigest() != digest:
            raise self._damaged(digest)

    def make_durable(self, digests: set[str]) -> None:
        """Makes sure that bodies survive a power cut."""
        with ThreadPoolExecutor(_SYNCED_TOGETHER) as pool:
            for _ in pool.map(self._sync, digests):
                pass

    def _sync(self, digest: str) -> None:
        with suppress(FileNotFoundError):
            descriptor = os.open(self.path_of(digest), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _missing(self, digest: str) -> SourceFault:
        return SourceFault(
            FaultKind.ARCHIVE,
            f"The archive lacks the page {digest} ({self.path_of(digest)}).",
            "Restore the file from a backup, or pull the records again: logistics sources backfill.",
        )

    def _damaged(self, digest: str) -> SourceFault:
        return SourceFault(
            FaultKind.ARCHIVE,
            f"The page {self.path_of(digest)} in the archive is damaged: it is not what was received.",
            "Restore the file from a backup, or delete it and pull the records again: logistics sources backfill.",
        )


class IncomingBody:
    """A body that is arriving."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._chunks: list[bytes] = []
        self._digest = sha256()
        self._file: Any = None
        self._unfinished: str | None = None
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Takes in some more."""
        self._digest.update(chunk)
        self.size += len(chunk)
        if self._file is not None:
            self._file.write(chunk)
            return
        self._chunks.append(chunk)
        if self.size > IN_MEMORY_BYTES:
            self._archive.pages.mkdir(parents=True, exist_ok=True)
            self._file = ZstdFile(self._temporary(), "wb", level=_LEVEL)
            for each in self._chunks:
                self._file.write(each)
            self._chunks.clear()

    def finish(self) -> Body:
        """Puts the body into the archive."""
        digest = self._digest.hexdigest()
        content = None if self._file is not None else b"".join(self._chunks)
        if content is None:
            self._file.close()
        elif self._archive.holds(digest):
            self._archive.path_of(digest).touch()  # what is unused for long may be deleted
        else:
            _write(self._temporary(), compress(content, _LEVEL))
        if self._unfinished is not None:
            self._put(digest)
        return Body(digest, self.size, content)

    def _put(self, digest: str) -> None:
        assert self._unfinished is not None
        target = self._archive.name_of(digest)
        try:
            os.rename(self._unfinished, target)  # noqa: PTH104
        except FileNotFoundError:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            os.rename(self._unfinished, target)  # noqa: PTH104
        self._unfinished = None

    def in_memory(self) -> Body:
        """The body without a place in the archive; its content is missing if it is large."""
        return Body(self._digest.hexdigest(), self.size, None if self._file is not None else b"".join(self._chunks))

    def close(self) -> None:
        """Leaves nothing behind that is not finished."""
        if self._file is not None:
            self._file.close()
        if self._unfinished is not None:
            Path(self._unfinished).unlink(missing_ok=True)

    def _temporary(self) -> str:
        self._unfinished = f"{self._archive.folder}/pages/.{os.getpid()}-{next(_numbers)}-{time_ns()}.tmp"
        return self._unfinished


_numbers = count()
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def _write(path: str, content: bytes) -> None:
    try:
        descriptor = os.open(path, _NEW, 0o666)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, _NEW, 0o666)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
