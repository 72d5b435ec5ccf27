"""Rotates log files that other programs write to, so that they never fill the disk.

A program that has its log open cannot be made to open another. So the file is copied and then truncated; as it was
opened for appending, the program's next line begins the empty file. A line written between copy and truncation is lost:
a matter of microseconds, once per `MAX_BYTES`.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 10 << 20
KEPT = 3
"""How many older files are kept: beside api.log, api.log.1 (the newest of them) to api.log.3."""


def rotate(log: Path, *, max_bytes: int = MAX_BYTES) -> bool:
    """Copies and empties a log if it has grown large. Returns whether it did.

    If the file system refuses, for lack of space or of a file, the next call tries again.
    """
    try:
        if log.stat().st_size < max_bytes:
            return False
        for number in range(KEPT, 1, -1):
            with suppress(FileNotFoundError):
                _older(log, number - 1).replace(_older(log, number))
        _copy_and_empty(log, _older(log, 1))
    except OSError:
        return False
    return True


def _copy_and_empty(log: Path, aside: Path) -> None:
    with log.open("r+b") as source, aside.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        os.ftruncate(source.fileno(), 0)


def _older(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
