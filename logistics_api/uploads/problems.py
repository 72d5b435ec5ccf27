"""The problems of refused uploads, including disk errors."""

import errno

from logistics_api.errors import Problem

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class disk_problems:  # a context manager, used like a function
    """Translates disk errors into problems, except for an existing name."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if not isinstance(error, OSError) or isinstance(error, FileExistsError):
            return
        raise (disk_full() if error.errno in _FULL else not_possible()) from error


def disk_full() -> Problem:
    """The file does not fit on the disk."""
    return Problem(
        507,
        "insufficient-storage",
        "Insufficient storage",
        "The disk of the raw folder is full. The file was not stored. Free disk space and send the file again.",
    )


def not_possible() -> Problem:
    """The API has no raw folder to write to."""
    return Problem(
        501,
        "uploads-not-possible",
        "Uploads not possible",
        "The API has no writable raw folder: LOGISTICS_DATA_DIR must name the data folder "
        "of the pipeline, and its raw/ must be writable. Put the file there by other means.",
    )


def too_large(most_bytes: int) -> Problem:
    """The file has more than `most_bytes`."""
    return Problem(
        413,
        "upload-too-large",
        "Upload too large",
        f"A file may have {most_bytes:,} bytes at most (LOGISTICS_UPLOAD_MAX_BYTES). "
        "Compress it (.gz, .zst), or split it.",
    )


def name_taken(folder: str, filename: str) -> Problem:
    """Another file has this name."""
    return Problem(
        409,
        "file-exists",
        "File exists",
        f"The folder {folder} has another file {filename!r}. Choose another name, or replace it with replace=true.",
    )


def empty_upload() -> Problem:
    """The request has no body."""
    return Problem(422, "empty-upload", "Empty upload", "The body is empty: send the file as the body of the request.")


def digest_mismatch(expected: str, found: str) -> Problem:
    """The received bytes do not have the digest that the request states."""
    detail = (
        f"The received file has SHA-256 {found}; the request states {expected}. The file was not stored. Send it again."
    )
    return Problem(422, "digest-mismatch", "Digest mismatch", detail)
