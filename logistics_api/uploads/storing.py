"""Bytes into the raw folder: written under a hidden name that the pipeline does not look at, then named all at once.

Whatever ends an upload before that (the client goes, the disk is full, the server stops) leaves nothing behind; only a
killed process does, and the next upload clears that away. Memory: a buffer of one MiB per upload.
"""

import asyncio
import errno
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from logistics_api.errors import Problem

HIDDEN_FOLDER = ".uploads"
BUFFER_BYTES = 1 << 20
LEFTOVER_SECONDS = 24 * 3600
"""A hidden file that nobody has written to for so long belongs to a process that was killed."""

RESERVE_BYTES = 256 << 20
"""So much of the disk is left free: others write there too, and PostgreSQL stops where it cannot."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


@dataclass(frozen=True)
class Stored:
    """A file in the raw folder."""

    path: str
    """Relative to the raw folder, as in the ledger."""
    sha256: str
    size_bytes: int
    modified_ns: int


class Incoming:
    """A file that is being received."""

    def __init__(self, file: BinaryIO, path: Path, most_bytes: int) -> None:
        self.path = path
        self.size = 0
        self._file = file
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._digest = hashlib.sha256()
        self._work: asyncio.Future[None] | None = None

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def write(self, block: bytes) -> None:
        """Takes the next bytes.

        Raises:
            Problem: 413, there are more than are taken; 507, the disk is full.
        """
        self.size += len(block)
        if self.size > self._most_bytes:
            raise too_large(self._most_bytes)
        self._buffer += block
        if len(self._buffer) >= BUFFER_BYTES:
            await self._flush()

    async def finish(self) -> None:
        """Has it all on the disk: what is named later survives a power cut.

        Raises:
            Problem: 507, the disk is full.
        """
        await self._flush()
        await self._in_thread(self._sync)

    async def _flush(self) -> None:
        block, self._buffer = self._buffer, bytearray()
        await self._in_thread(lambda: self._store(block))

    def _store(self, block: bytearray) -> None:
        check_space(self.path.parent, len(block))
        self._digest.update(block)
        self._file.write(block)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    async def _in_thread(self, work: Callable[[], None]) -> None:
        self._work = asyncio.get_running_loop().run_in_executor(None, work)
        with disk_problems():
            await asyncio.shield(self._work)

    async def close(self) -> None:
        """Removes the hidden name; first lets a write come to its end that was under way when all was given up."""
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work])
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


@asynccontextmanager
async def incoming(raw_dir: Path, most_bytes: int) -> AsyncIterator[Incoming]:
    """Opens a hidden file that vanishes with the block; what is to be kept gets a name of its own before (`place`).

    Raises:
        Problem: 501, this process cannot write to the raw folder.
    """
    folder = raw_dir / HIDDEN_FOLDER
    with disk_problems():
        folder.mkdir(exist_ok=True)
        _clear_leftovers(folder)
        path = folder / uuid4().hex
        file = path.open("xb")
    upload = Incoming(file, path, most_bytes)
    try:
        yield upload
    finally:
        await upload.close()


def _clear_leftovers(folder: Path) -> None:
    for entry in os.scandir(folder):
        with suppress(OSError):
            if time.time() - entry.stat().st_mtime > LEFTOVER_SECONDS:
                Path(entry.path).unlink()


def place(upload: Incoming, target: Path, raw_dir: Path, *, replace: bool) -> Stored:
    """Names a finished file; of two that are to have the same name at once, one gets it.

    Raises:
        FileExistsError: that name is taken, and is not to be replaced.
        Problem: 501 or 507, it cannot be written there.
    """
    with disk_problems():
        target.parent.mkdir(exist_ok=True)
        if replace:
            upload.path.replace(target)
        else:
            _link(upload.path, target)
        _sync_folder(target.parent)
        return stored(target, raw_dir, upload.sha256)


def _link(path: Path, target: Path) -> None:
    """Unlike a renaming, a link takes nobody's place. File systems without links get as near to it as can be."""
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        path.rename(target)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def stored(target: Path, raw_dir: Path, sha256: str) -> Stored:
    """A file in the raw folder as it is now."""
    status = target.stat()
    return Stored(str(target.relative_to(raw_dir)), sha256, status.st_size, status.st_mtime_ns)


def holds(target: Path, size: int, sha256: str) -> bool:
    """Whether a file with this content is there already."""
    try:
        if not target.is_file() or target.stat().st_size != size:
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def check_folder(raw_dir: Path) -> None:
    """Refuses uploads where this process cannot put them before the pipeline.

    Raises:
        Problem: 501, there is no raw folder here, or it is not writable.
    """
    if not raw_dir.is_dir() or not os.access(raw_dir, os.W_OK | os.X_OK):
        raise not_possible()


def check_space(folder: Path, size: int) -> None:
    """Refuses what would fill the disk.

    Raises:
        Problem: 507.
    """
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize - size < RESERVE_BYTES:
        raise disk_full()


class disk_problems:  # a context manager, used like a function
    """Tells a client what the disk's errors mean for it. That a name is taken is not among them."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if not isinstance(error, OSError) or isinstance(error, FileExistsError):
            return
        raise (disk_full() if error.errno in _FULL else not_possible()) from error


def disk_full() -> Problem:
    """The response to an upload that does not fit on the disk."""
    return Problem(
        507,
        "insufficient-storage",
        "Insufficient storage",
        "There is not enough room on the disk of the raw folder. Nothing of the file was kept.",
    )


def not_possible() -> Problem:
    """The response where the API has no raw folder to write to."""
    return Problem(
        501,
        "uploads-not-possible",
        "Uploads not possible",
        "This installation of the API has no raw folder it can write to: LOGISTICS_DATA_DIR must name the data folder "
        "of the pipeline, and its raw/ must be writable. Put the file there by other means.",
    )


def too_large(most_bytes: int) -> Problem:
    """The response to an upload of more than `most_bytes`."""
    return Problem(
        413,
        "upload-too-large",
        "Upload too large",
        f"A file may have {most_bytes:,} bytes at most (LOGISTICS_UPLOAD_MAX_BYTES). "
        "Compress it (.gz, .zst), or split it.",
    )
