"""Stores received files in the raw folder: each appears under its name whole or not at all."""

import errno
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from logistics_api.uploads.problems import disk_full, disk_problems, name_taken, not_possible

RESERVE_BYTES = 256 << 20
"""Disk space to leave free: other programs write there too, and PostgreSQL stops when the disk is full."""

_WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


@dataclass(frozen=True)
class StoredFile:
    """A file in the raw folder."""

    path: str
    """Relative to the raw folder, as in the ledger."""
    sha256: str
    size_bytes: int
    modified_ns: int


def store(
    incoming: Path, size: int, sha256: str, target: Path, raw_dir: Path, *, replace: bool
) -> tuple[StoredFile, bool]:
    """Stores a finished file as `target`; returns it, and whether it is new there.

    Raises:
        Problem: 409, another file has that name; 501 or 507, the file cannot be written.
    """
    if _holds(target, size, sha256):
        return _stored(target, raw_dir, sha256), False
    try:
        return _place(incoming, sha256, target, raw_dir, replace=replace), True
    except FileExistsError:
        if _holds(target, size, sha256):  # another upload of the same file was faster
            return _stored(target, raw_dir, sha256), False
        raise name_taken(target.parent.name, target.name) from None


def refuse_taken_name(target: Path, size: int) -> None:
    """Refuses a file whose name belongs to a file of another size, before its content is received.

    Raises:
        Problem: 409.
    """
    with suppress(OSError):
        if target.stat().st_size != size:
            raise name_taken(target.parent.name, target.name)


def _place(incoming: Path, sha256: str, target: Path, raw_dir: Path, *, replace: bool) -> StoredFile:
    """Gives a finished file its name. Of two uploads of one name at once, one gets it.

    Raises:
        FileExistsError: that name is taken, and is not to be replaced.
        Problem: 501 or 507, the file cannot be written.
    """
    with disk_problems():
        target.parent.mkdir(exist_ok=True)
        if replace:
            incoming.replace(target)
        else:
            _link(incoming, target)
        _sync_folder(target.parent)
        return _stored(target, raw_dir, sha256)


def _link(path: Path, target: Path) -> None:
    """Unlike renaming, linking never replaces a file. File systems without links use a check and a rename."""
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        path.rename(target)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system supports it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _stored(target: Path, raw_dir: Path, sha256: str) -> StoredFile:
    """Describes a file in the raw folder as it is now."""
    status = target.stat()
    return StoredFile(str(target.relative_to(raw_dir)), sha256, status.st_size, status.st_mtime_ns)


def _holds(target: Path, size: int, sha256: str) -> bool:
    """Returns whether the target already has this content."""
    try:
        if not target.is_file() or target.stat().st_size != size:
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def check_folder(raw_dir: Path) -> None:
    """Refuses uploads if this process cannot store them for the pipeline.

    Raises:
        Problem: 501, the raw folder does not exist or is not writable.
    """
    if not raw_dir.is_dir() or not os.access(raw_dir, os.W_OK | os.X_OK):
        raise not_possible()


def check_space(folder: Path, size: int) -> None:
    """Refuses a file that would fill the disk.

    Raises:
        Problem: 507.
    """
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize - size < RESERVE_BYTES:
        raise disk_full()
