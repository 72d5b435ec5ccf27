"""The problems that refuse an upload, and what errors of the disk mean for a client."""

import errno

from logistics_api.errors import Problem

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class disk_problems:  # a context manager, used like a function
    """Translates errors of the disk into problems. That a name is taken is not among them."""

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
        "There is not enough room on the disk of the raw folder. Nothing of the file was kept.",
    )


def not_possible() -> Problem:
    """The API has no raw folder to write to."""
    return Problem(
        501,
        "uploads-not-possible",
        "Uploads not possible",
        "This installation of the API has no raw folder it can write to: LOGISTICS_DATA_DIR must name the data folder "
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


def name_taken(dataset: str, filename: str) -> Problem:
    """Another file has this name already."""
    return Problem(
        409,
        "file-exists",
        "File exists",
        f"There is another file {filename!r} of {dataset}. Choose another name, or replace it with replace=true.",
    )


def empty_upload() -> Problem:
    """The request has no body."""
    return Problem(422, "empty-upload", "Empty upload", "The body is empty: send the file as the body of the request.")


def digest_mismatch(expected: str, found: str) -> Problem:
    """The received bytes do not have the digest that the request states."""
    detail = f"The file arrived with the SHA-256 {found}; the request says {expected}. Nothing of it was kept."
    return Problem(422, "digest-mismatch", "Digest mismatch", detail)
