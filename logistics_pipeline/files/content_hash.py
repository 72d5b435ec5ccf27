"""Hashes a file's bytes during its load: the hash distinguishes a touched file from a changed one.

A file on disk is read a second time, which costs little: it is in memory. One of a store is hashed while it is read
(`range_reader`), and has no hash if its load began in the middle.
"""

import hashlib
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.stored_file import StoredFile

_BLOCK_BYTES = 1 << 20


class ContentHash:
    """Hashes a file in a thread. Hashing releases the interpreter lock, so the load runs meanwhile."""

    def __init__(self, path: StoredFile) -> None:
        self._path = path
        self._result: str | None = None
        self._stop = Event()
        self._thread = Thread(target=self._run, name="content hash")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def wait(self) -> str | None:
        """Waits for the hash: SHA-256 in hexadecimal, or None if the file could not be read."""
        self._thread.join()
        return self._result

    def _run(self) -> None:
        self._result = content_hash(self._path, self._stop)


_NOTED_AT_MOST = 16
_noted: dict[StoredFile, str] = {}
"""Hashes of the files that were read last from beginning to end, in this process or for it."""


def note_hash(file: StoredFile, content_hash: str) -> None:
    """Keeps the hash of a version of a file that was read to its end."""
    _noted[file] = content_hash
    while len(_noted) > _NOTED_AT_MOST:
        del _noted[next(iter(_noted))]


def noted_hash(file: StoredFile) -> str | None:
    """The hash of a version of a file, if it was read to its end."""
    return _noted.get(file)


class NotedHash:
    """Stands in for `ContentHash` where the file is hashed while it is read."""

    def __init__(self, file: StoredFile) -> None:
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def wait(self) -> str | None:
        """The hash; None if the load did not read the file from its beginning to its end."""
        return noted_hash(self._file)


def hashing(file: StoredFile) -> ContentHash | NotedHash:
    """Hashes a file while the context lasts."""
    return ContentHash(file) if isinstance(file, Path) else NotedHash(file)


def content_hash(path: StoredFile, stop: Event | None = None) -> str | None:
    """Returns the SHA-256 of the bytes on disk in hexadecimal; None if they cannot be read, or once `stop` is set."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                if stop is not None and stop.is_set():
                    return None
    except (OSError, FileError):
        return None
    return digest.hexdigest()
