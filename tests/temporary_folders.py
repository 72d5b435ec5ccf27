"""Where servers of tests keep their data: in memory, where that has room.

A database is some 700 files, and most tests have one of their own: in memory it is made in 20 milliseconds, on a disk
it may take 20 times as long.
"""

import os
import shutil
import tempfile
from contextlib import AbstractContextManager

_IN_MEMORY = "/dev/shm"
_LEAST_FREE_BYTES = 4 << 30
"""The tests of all workers need less than a gigabyte; containers often have 64 megabytes there."""


def temporary_folder(prefix: str) -> AbstractContextManager[str]:
    """A folder for the data of a server, which lasts as long as the `with` block.

    Not in pytest's own temporary folder: other sessions on the machine clear old ones away.
    """
    place = _IN_MEMORY if _has_room(_IN_MEMORY) else None
    return tempfile.TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True)


def _has_room(folder: str) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _LEAST_FREE_BYTES
