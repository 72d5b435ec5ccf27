"""What versions of models consist of: bytes in one of few formats, compared with their SHA-256 before they are read.

None of the formats can hold code: documents of our own, LightGBM's text, ONNX. Pickle can, and so is none of them.
"""

from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

MAX_BYTES = 64 << 20


class ArtefactFormat(StrEnum):
    """The closed list. The table `models.artefacts` accepts no others."""

    JSON = "logistics-json"
    """A document of our own."""
    LIGHTGBM = "lightgbm-text"
    """The text that LightGBM writes of a model."""
    ONNX = "onnx"
    """A graph of operators, which runs in a process of its own."""


class ArtefactError(Exception):
    """An artefact is not what its version says, or nothing that can be used."""


def digest_of(content: bytes) -> str:
    """The SHA-256 of an artefact, in hexadecimal digits."""
    return sha256(content).hexdigest()


def check_artefact(content: bytes, expected: str, name: str) -> None:
    """Compares an artefact with the SHA-256 of its version.

    Raises:
        ArtefactError: they differ, or it is too large.
    """
    if len(content) > MAX_BYTES:
        raise ArtefactError(f"The artefact of {name} has {len(content):,} bytes; at most {MAX_BYTES:,} are read.")
    found = digest_of(content)
    if not compare_digest(found, expected):
        raise ArtefactError(
            f"The artefact of {name} was changed: its SHA-256 is {found}, not {expected}. It is not used. Promote "
            "another version: logistics models rollback."
        )
