"""Upload IDs. All that is known of an upload is stored in its ID."""

from pydantic import ValidationError

from logistics_api.errors import Problem
from logistics_api.parameters import cursors
from logistics_api.uploads.parameters import Destination
from logistics_api.uploads.storage import StoredFile


def make_upload_id(file: StoredFile) -> str:
    """Returns an ID with all that is needed to find the file again."""
    return cursors.encode("upload", [file.path, file.sha256, file.size_bytes, file.modified_ns])


def read_upload_id(upload_id: str) -> StoredFile:
    """Returns the file that an ID describes.

    Raises:
        Problem: 404, the ID is invalid.
    """
    try:
        path, sha256, size, modified_ns = cursors.decode("upload", upload_id, [str, str, int, int])
        dataset, _, name = str(path).partition("/")
        Destination.model_validate(
            {"dataset": dataset, "filename": name}
        )  # anyone can make an ID: accept upload paths only
    except (Problem, ValidationError) as error:
        detail = "No upload has this ID. Use the upload_id of an upload response."
        raise Problem(404, "unknown-upload", "Unknown upload", detail) from error
    return StoredFile(str(path), str(sha256), int(str(size)), int(str(modified_ns)))
