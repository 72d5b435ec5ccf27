"""Checks the headers that describe the body of an upload; `digests` reads its checksum."""

from starlette.datastructures import Headers

from logistics_api.errors import Problem
from logistics_api.uploads.problems import empty_upload, too_large


def announced_size(headers: Headers, max_bytes: int) -> int | None:
    """Returns the size of the body, or None if the client does not state it.

    Raises:
        Problem: 413, 415 or 422, what is announced is refused before a byte is received.
    """
    if headers.get("content-type", "").lower().startswith("multipart/"):
        raise Problem(
            415,
            "multipart-form",
            "Unsupported Content-Type",
            "The body is a multipart form. Send the file itself as the body: curl --data-binary @FILE instead of -F, "
            "httpx content= instead of files=.",
            headers={"Accept-Post": "application/octet-stream"},
        )
    if headers.get("content-encoding", "identity") != "identity":
        raise Problem(
            415,
            "content-encoding",
            "Unsupported Content-Encoding",
            "Send the file as it is, without Content-Encoding; compressed files (.gz, .zst) are accepted.",
            headers={"Accept-Encoding": "identity"},
        )
    length = headers.get("content-length")
    if length is None:
        return None
    if int(length) > max_bytes:
        raise too_large(max_bytes)
    if int(length) == 0:
        raise empty_upload()
    return int(length)
