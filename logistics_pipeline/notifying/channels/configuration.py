"""Values in the configuration of an endpoint: plain ones, and references to secrets, looked up when needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from logistics_core.places.secrets import is_reference, parse_reference
from logistics_pipeline.sources.definitions.secrets import Redactor


@dataclass
class Configuration:
    """What an endpoint is configured with. Secrets that were looked up here are removed from texts by `clean`."""

    values: Mapping[str, Any]
    redactor: Redactor = field(default_factory=Redactor)

    def text(self, key: str, default: str = "") -> str:
        """A value, its secret in its place.

        Raises:
            ConfigurationError: a secret is missing.
        """
        return self._reveal(self.values.get(key) or default)

    def texts(self, key: str) -> list[str]:
        """A value that may be one or several."""
        found = self.values.get(key) or []
        return [self._reveal(each) for each in ([found] if isinstance(found, str) else found)]

    def mapping(self, key: str) -> dict[str, str]:
        """Names and values, such as headers."""
        return {name: self._reveal(value) for name, value in (self.values.get(key) or {}).items()}

    def is_true(self, key: str) -> bool:
        return bool(self.values.get(key))

    def number(self, key: str, default: int) -> int:
        return int(self.values.get(key) or default)

    def inner(self, key: str) -> "Configuration":
        """Values within a value; secrets of both are removed from texts."""
        return Configuration(self.values.get(key) or {}, self.redactor)

    def clean(self, text: str) -> str:
        """The text without any secret, on one line."""
        return " ".join("".join(each if each.isprintable() else " " for each in self.redactor.clean(text)).split())

    def _reveal(self, value: Any) -> str:
        if not isinstance(value, str):
            return str(value)
        return self.redactor.reveal(parse_reference(value)) if is_reference(value) else value


def references(values: Any) -> Sequence[str]:
    """The references within a configuration."""
    if isinstance(values, Mapping):
        return [found for each in values.values() for found in references(each)]
    if isinstance(values, Sequence) and not isinstance(values, str):
        return [found for each in values for found in references(each)]
    return [values] if is_reference(values) else []
