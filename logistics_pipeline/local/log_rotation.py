"""Log files that other programs write to: turned over once they are large, so that they never fill the disk.

A program that has its log open cannot be told to open another. So the file is copied aside and emptied under it; it was
opened for appending, and its next line begins the emptied file. A line written between the copy and the emptying is
lost: a matter of microseconds, once in `LARGEST_BYTES`.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

LARGEST_BYTES = 10 << 20
KEPT = 3
"""Older ones beside the one that is written: api.log, then api.log.1, the newest of them, to api.log.3."""


def turn_over(log: Path, *, largest_bytes: int = LARGEST_BYTES) -> bool:
    """Copies a log aside and empties it, where it has grown large. Returns whether it has.

    What the file system refuses, for want of space or of a file, is tried again at the next call.
    """
    try:
        if log.stat().st_size < largest_bytes:
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
