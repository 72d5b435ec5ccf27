"""Upload IDs. All that is known of an upload is stored in its ID."""

from dataclasses import dataclass

from pydantic import ValidationError

from logistics_api.errors import Problem
from logistics_api.parameters import cursors
from logistics_api.uploads.parameters import Destination
from logistics_api.uploads.storage import StoredFile

_KINDS = ("upload", "upload of unknown shape")
"""What is hashed into the ID of an upload to a dataset, and of one that a contract is proposed for."""


@dataclass(frozen=True)
class UploadedFile:
    """A file that was uploaded."""

    file: StoredFile
    request_id: int | None = None
    """The request to propose a contract for it; None if it belonged to a dataset."""


def make_upload_id(upload: UploadedFile) -> str:
    """Returns an ID with all that is needed to find the file again."""
    file = upload.file
    keys: list[cursors.Key] = [file.path, file.sha256, file.size_bytes, file.modified_ns]
    if upload.request_id is None:
        return cursors.encode(_KINDS[0], keys)
    return cursors.encode(_KINDS[1], [*keys, upload.request_id])


def read_upload_id(upload_id: str) -> UploadedFile:
    """Returns the upload that an ID describes.

    Raises:
        Problem: 404, the ID is invalid.
    """
    try:
        return _read(upload_id)
    except (Problem, ValidationError) as error:
        detail = "No upload has this ID. Use the upload_id of an upload response."
        raise Problem(404, "unknown-upload", "Unknown upload", detail) from error


def _read(upload_id: str) -> UploadedFile:
    try:
        path, sha256, size, modified_ns = cursors.decode(_KINDS[0], upload_id, [str, str, int, int])
        request_id = None
    except Problem:
        path, sha256, size, modified_ns, request_id = cursors.decode(_KINDS[1], upload_id, [str, str, int, int, int])
    folder, separator, name = str(path).rpartition("/")
    if request_id is None or separator:
        Destination.model_validate({"folder": folder, "filename": name})  # anyone can make an ID
    else:
        Destination.model_validate({"filename": name})
    file = StoredFile(str(path), str(sha256), int(str(size)), int(str(modified_ns)))
    return UploadedFile(file, None if request_id is None else int(str(request_id)))
