"""The values of secrets: looked up when they are needed, and removed from texts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from logistics_core.places.secrets import Secret, SecretError
from logistics_pipeline.errors import ConfigurationError

REDACTED = "***"
_SHORTEST_REDACTED = 4
"""Shorter values would remove parts of common words."""


def secret_value(secret: Secret) -> str:
    """The value of a secret.

    Raises:
        ConfigurationError: it is not where its reference says.
    """
    try:
        return secret.value()
    except SecretError as error:
        raise ConfigurationError(str(error)) from None


@dataclass
class Redactor:
    """Removes secrets from texts: each that was looked up through it, in the forms that requests give them."""

    _values: set[str] = field(default_factory=set)

    def reveal(self, value: str | Secret) -> str:
        """The value of a secret, which is removed from all texts from now on; a plain text as it is."""
        if not isinstance(value, Secret):
            return value
        found = secret_value(value)
        self.hide(found)
        return found

    def hide(self, value: str) -> None:
        """Removes a value from all texts from now on, such as a token that a server has issued."""
        if len(value) >= _SHORTEST_REDACTED:
            self._values.update({value, quote(value, safe=""), quote_plus(value), value.replace('"', '\\"')})

    def clean_chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Content without any of the values, also where one is spread over two chunks."""
        values = sorted((value.encode() for value in list(self._values)), key=len, reverse=True)
        if not values:
            yield from chunks
            return
        held, longest = b"", len(values[0])
        for chunk in chunks:
            text = held + chunk
            for value in values:
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
