"""Where servers of tests keep their data: in memory, where that has room.

A database is some 700 files, and most tests have one of their own: in memory it is made in 20 milliseconds, on a disk
it may take 20 times as long.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_IN_MEMORY = "/dev/shm"
_LEAST_FREE_BYTES = 4 << 30
"""The tests of all workers need less than a gigabyte; containers often have 64 megabytes there."""


@contextmanager
def temporary_folder(prefix: str) -> Iterator[str]:
    """A folder for the data of a server, which lasts as long as the `with` block.

    Not in pytest's own temporary folder: other sessions on the machine clear old ones away. Nor is it Python's
    `TemporaryDirectory`: where that cannot remove something, it takes the permissions of the folder around it away from
    everyone else, and here that is /dev/shm, which all PostgreSQL servers need for parallel queries.
    """
    folder = tempfile.mkdtemp(prefix=prefix, dir=_IN_MEMORY if _has_room(_IN_MEMORY) else None)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(folder: str) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _LEAST_FREE_BYTES
