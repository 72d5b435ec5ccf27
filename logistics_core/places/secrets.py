"""References to secrets: values that stand in the environment or in a file, and in no definition.

A value is looked up when it is needed, and kept nowhere.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_REFERENCE = re.compile(r"(env|file):(.+)", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SENSITIVE = re.compile(
    r"authorization|api[-_]?key|app[-_]?key|access[-_]?(key|token)|auth[-_]?token|secret|passw|pwd|cookie|credential|"
    r"signature|session[-_]?(id|key|token)|private[-_]?key|^(token|key|auth|sig|x-token|hash)$",
    re.IGNORECASE,
)


class SecretError(Exception):
    """A secret is not where its reference says; the message is a whole sentence, and holds no value."""


@dataclass(frozen=True)
class Secret:
    """A reference to a secret: `env:NAME` or `file:PATH`. Its text is the reference, never the value."""

    reference: str

    def __str__(self) -> str:
        return self.reference

    def value(self) -> str:
        """The secret itself.

        Raises:
            SecretError: the variable is not set, or the file cannot be read.
        """
        kind, _, name = self.reference.partition(":")
        text = _of_environment(name) if kind == "env" else _of_file(name)
        if not text.strip():
            raise SecretError(f"The secret {self.reference} is empty. Give it a value.")
        return text.strip("\r\n")


def _of_environment(name: str) -> str:
    if name not in os.environ:
        raise SecretError(
            f"The secret env:{name} is missing: the environment variable {name} is not set. Set it for every process "
            "that uses it (`logistics up`, Dagster, this shell)."
        )
    return os.environ[name]


def _of_file(name: str) -> str:
    try:
        return Path(name).expanduser().read_text("utf-8")
    except OSError as error:
        raise SecretError(f"The secret file:{name} is missing: the file cannot be read ({error.strerror}).") from None
    except ValueError:
        raise SecretError(f"The secret file:{name} is not a text in UTF-8.") from None


def is_reference(text: object) -> bool:
    """Whether a text refers to a secret."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def parse_reference(text: str) -> Secret:
    """The secret that a text refers to.

    Raises:
        ValueError: it refers to none; the message does not repeat the text, which may be the secret.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise ValueError(
            "holds a value where a secret belongs. Expected: env:NAME or file:PATH, so that the value itself is in no "
            "definition. Put the value into an environment variable or a file, and change it if others have seen it."
        )
    if found[1] == "env" and not _VARIABLE.fullmatch(found[2]):
        raise ValueError("names no environment variable. Expected: env: followed by letters, digits and underscores.")
    return Secret(text)


def is_sensitive(name: str) -> bool:
    """Whether a header, a parameter or an option of that name carries a secret."""
    return _SENSITIVE.search(name) is not None
