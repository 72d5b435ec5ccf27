"""What a check answers: plain data, the same for the Dagster UI, the command line and the tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad it is when a check does not pass."""

    WARN = "warning"
    """A feed may do this; somebody should look."""
    ERROR = "error"
    """This must never be, or stays wrong until somebody acts."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check."""

    passed: bool
    severity: Severity
    """Where it has passed: of no meaning."""
    sentence: str
    """What was found, and if it did not pass, what to do."""
    figures: Mapping[str, Any]
    """Numbers become plots in the Dagster UI."""

    @classmethod
    def passing(cls, sentence: str, figures: Mapping[str, Any]) -> "Finding":
        return cls(True, Severity.ERROR, sentence, figures)

    @classmethod
    def warning(cls, sentence: str, figures: Mapping[str, Any]) -> "Finding":
        return cls(False, Severity.WARN, sentence, figures)

    @classmethod
    def error(cls, sentence: str, figures: Mapping[str, Any]) -> "Finding":
        return cls(False, Severity.ERROR, sentence, figures)

    @property
    def is_error(self) -> bool:
        return not self.passed and self.severity is Severity.ERROR
