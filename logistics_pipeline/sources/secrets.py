"""Secrets: references to values that stand in the environment or in a file, and the removal of these values from texts.

A value is looked up when it is needed, and kept nowhere.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from logistics_pipeline.errors import ConfigurationError

REDACTED = "***"
_REFERENCE = re.compile(r"(env|file):(.+)", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PERCENT = re.compile("%[0-9A-F]{2}")
_ESCAPED_FOR_HTML = "\"&'+<>`"
_SHORTEST_REDACTED = 4
"""Shorter values would remove parts of common words."""

_SENSITIVE = re.compile(
    r"authorization|api[-_]?key|app[-_]?key|access[-_]?(key|token)|auth[-_]?token|secret|passw|pwd|cookie|credential|"
    r"signature|session[-_]?(id|key|token)|private[-_]?key|^(token|key|auth|sig|x-token|hash)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Secret:
    """A reference to a secret: `env:NAME` or `file:PATH`. Its text is the reference, never the value."""

    reference: str

    def __str__(self) -> str:
        return self.reference

    def value(self) -> str:
        """The secret itself.

        Raises:
            ConfigurationError: the variable is not set, or the file cannot be read; the message holds no value.
        """
        kind, _, name = self.reference.partition(":")
        text = _of_environment(name) if kind == "env" else _of_file(name)
        if not text.strip():
            raise ConfigurationError(f"The secret {self.reference} is empty. Give it a value.")
        return text.strip("\r\n")


def _of_environment(name: str) -> str:
    if name not in os.environ:
        raise ConfigurationError(
            f"The secret env:{name} is missing: the environment variable {name} is not set. Set it for the process "
            "that pulls (`logistics up`, Dagster or this shell)."
        )
    return os.environ[name]


def _of_file(name: str) -> str:
    try:
        return Path(name).expanduser().read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The secret file:{name} is missing: the file cannot be read ({error.strerror})."
        ) from None
    except ValueError:
        raise ConfigurationError(f"The secret file:{name} is not a text in UTF-8.") from None


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
    """Whether a header or parameter of that name carries a secret."""
    return _SENSITIVE.search(name) is not None


def _forms(value: str) -> set[str]:
    """How requests and answers may write a value: as it is, in addresses, and within JSON."""
    encoded = {quote(value, safe=""), quote_plus(value), quote(value)}
    encoded |= {_PERCENT.sub(lambda found: found[0].lower(), each) for each in encoded}
    escaped = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    escaped |= {each.replace("/", "\\/") for each in escaped}  # as PHP writes it
    for digits in ("\\u{:04x}", "\\u{:04X}"):  # as .NET and Go write it
        escaped.add("".join(digits.format(ord(each)) if each in _ESCAPED_FOR_HTML else each for each in value))
    return {value, *encoded, *escaped, *(quote(each, safe="") for each in encoded)}


@dataclass
class Redactor:
    """Removes secrets from texts: each that was looked up through it, in the forms that requests give them."""

    _values: set[str] = field(default_factory=set)
    _fragments: set[str] = field(default_factory=set)
    """A part of each value that all of its forms have: a page without any of them is not searched for each form."""

    def reveal(self, value: str | Secret) -> str:
        """The value of a secret, which is removed from all texts from now on; a plain text as it is."""
        if not isinstance(value, Secret):
            return value
        found = value.value()
        self.hide(found)
        return found

    def hide(self, value: str) -> None:
        """Removes a value from all texts from now on, such as a token that a server has issued."""
        if len(value) >= _SHORTEST_REDACTED:
            self._values.update(_forms(value))
            self._fragments.add(max(re.findall("[A-Za-z0-9]*", value), key=len))

    def clean_chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Content without any of the values, also where one is spread over two chunks."""
        values = sorted((value.encode() for value in list(self._values)), key=len, reverse=True)
        if not values:
            yield from chunks
            return
        fragments = [fragment.encode() for fragment in list(self._fragments)]
        held, longest = b"", len(values[0])
        for chunk in chunks:
            text = held + chunk
            for value in values if any(fragment in text for fragment in fragments) else ():
                text = text.replace(value, REDACTED.encode())
            end = max(0, len(text) - longest + 1)
            yield text[:end]
            held = text[end:]
        yield held

    def clean(self, text: str) -> str:
        """The text without any of the values."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, REDACTED)
        return text
