"""What people can ask of the pipeline about a file, and how the API asks for it."""

from enum import StrEnum


class FileAction(StrEnum):
    """An action on a version of a file. The table `ingest.file_requests` accepts no other values."""

    RETRY = "retry"
    """Load it again."""
    UNLOAD = "unload"
    """Remove its rows and rejects from the database."""
    FORGET = "forget"
    """Dismiss it: it failed or is unrecognised, and nobody has to act on it any more."""


REQUEST_FILE_ACTION = "ingest.request_file_action(%(file_id)s, %(action)s, %(requested_by)s)"
"""SQL call that returns the number of the file's pending request: a new one, unless there was one already."""
