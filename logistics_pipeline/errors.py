"""The error tree. The class tells the caller what to do; the message tells a person what happened and where."""

import errno
from dataclasses import dataclass

EXPLAINED_EXIT_CODE = 3
"""Exit code of a program started by another one of ours: its last line on standard error is for the operator."""


class PipelineError(Exception):
    """Anything this package raises on purpose. Its message is a whole sentence for the person who operates it."""


class TransientError(PipelineError):
    """The world is at fault (connection, lock, restart, full disk): the same call may succeed later."""


class ConfigurationError(PipelineError):
    """The installation is at fault (port taken, folder not writable, wrong URL): a person must change a setting."""


DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of an OSError that says that no more can be written."""


def disk_full_sentence(error: OSError) -> str:
    """Says that the disk is full, where, and what to do."""
    where = f" ({error.filename})" if error.filename else ""
    return f"The disk is full, or this user's share of it{where}: {error.strerror}. Free space on it, then try again."


@dataclass
class FileError(PipelineError):
    """The file is at fault: trying again does not help, a mended file does.

    `record_no` counts from 1; `byte_offset` counts from 0 in the decompressed content. Both are None where unknown.
    """

    message: str
    record_no: int | None = None
    byte_offset: int | None = None

    def __str__(self) -> str:
        places = []
        if self.record_no is not None:
            places.append(f"record {self.record_no:,}")
        if self.byte_offset is not None:
            places.append(f"byte {self.byte_offset:,}")
        return f"{self.message} (at {', '.join(places)})" if places else self.message


class FileChangedError(FileError):
    """The file is no longer the version that was registered: register it again, then load."""
