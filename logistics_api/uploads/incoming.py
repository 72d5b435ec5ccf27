"""Receives a file under a hidden name in the raw folder.

Whatever ends an upload early (the client disconnects, the disk is full, the server stops) leaves nothing behind. Only a
killed process does, and the next upload removes that. Memory: a buffer of one MiB per upload.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from logistics_api.uploads.problems import disk_problems, too_large
from logistics_api.uploads.storage import check_space

HIDDEN_FOLDER = ".uploads"
BUFFER_BYTES = 1 << 20
LEFTOVER_SECONDS = 24 * 3600
"""A hidden file unchanged for this long was left behind by a killed process."""


class IncomingFile:
    """A file that is being received, under a hidden name that the pipeline ignores."""

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
        """Appends the next bytes.

        Raises:
            Problem: 413, the file is too large; 507, the disk is full.
        """
        self.size += len(block)
        if self.size > self._most_bytes:
            raise too_large(self._most_bytes)
        self._buffer += block
        if len(self._buffer) >= BUFFER_BYTES:
            await self._flush()

    async def finish(self) -> None:
        """Writes everything to the disk, so that the stored file survives a power cut.

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
        """Removes the hidden file, after a write that may still be in progress."""
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work])
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


@asynccontextmanager
async def open_incoming(raw_dir: Path, most_bytes: int) -> AsyncIterator[IncomingFile]:
    """Opens a hidden file that is removed after the block, unless it was stored under its own name (`storage`).

    Raises:
        Problem: 501, this process cannot write to the raw folder.
    """
    folder = raw_dir / HIDDEN_FOLDER
    with disk_problems():
        folder.mkdir(exist_ok=True)
        _clear_leftovers(folder)
        path = folder / uuid4().hex
        file = path.open("xb")
    incoming = IncomingFile(file, path, most_bytes)
    try:
        yield incoming
    finally:
        await incoming.close()


def _clear_leftovers(folder: Path) -> None:
    for entry in os.scandir(folder):
        with suppress(OSError):
            if time.time() - entry.stat().st_mtime > LEFTOVER_SECONDS:
                Path(entry.path).unlink()
