"""The SHA-256 that a client states: `Repr-Digest` or `Content-Digest` (RFC 9530), or `X-Checksum-SHA256`."""

import base64
import binascii
import re
from collections.abc import Iterator

from starlette.datastructures import Headers

from logistics_api.errors import Problem

_STRUCTURED = re.compile(r"\s*sha-256=:([A-Za-z0-9+/=]*):\s*(;.*)?", re.ASCII)


def expected_sha256(headers: Headers) -> str | None:
    """Returns the digest in hexadecimal, or None if the client states none. Ignores other algorithms.

    Raises:
        Problem: 400, what is said is no SHA-256, or two different ones.
    """
    said = set(_digests(headers))
    if len(said) > 1:
        raise malformed("The headers state different digests. Send one digest, or the same one in all headers.")
    return said.pop() if said else None


def _digests(headers: Headers) -> Iterator[str]:
    for name in ("repr-digest", "content-digest"):
        for member in ",".join(headers.getlist(name)).split(","):
            if not member.strip().startswith("sha-256="):
                continue
            found = _STRUCTURED.fullmatch(member)
            try:
                digest = base64.b64decode(found[1], validate=True) if found else b""
            except binascii.Error:
                digest = b""
            if len(digest) != 32:
                raise malformed(f"{name} must look like sha-256=:<base64 of 32 bytes>:")
            yield digest.hex()
    for value in headers.getlist("x-checksum-sha256"):
        if not re.fullmatch(r"[0-9a-fA-F]{64}", value, re.ASCII):
            raise malformed("x-checksum-sha256 must be 64 hexadecimal digits.")
        yield value.lower()


def malformed(detail: str) -> Problem:
    """Returns the problem for a malformed digest header."""
    return Problem(400, "malformed-digest", "Malformed digest", detail)
