"""Hashes a file's bytes on disk during its load: the hash distinguishes a touched file from a changed one."""

import hashlib
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

_BLOCK_BYTES = 1 << 20


class ContentHash:
    """Hashes a file in a thread. Hashing releases the interpreter lock, so the load runs meanwhile."""

    def __init__(self, path: Path) -> None:
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


def content_hash(path: Path, stop: Event | None = None) -> str | None:
    """Returns the SHA-256 of the bytes on disk in hexadecimal; None if they cannot be read, or once `stop` is set."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                if stop is not None and stop.is_set():
                    return None
    except OSError:
        return None
    return digest.hexdigest()
