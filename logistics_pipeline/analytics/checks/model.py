"""What a check is, and what it finds: plain data, the same for the Dagster UI, the command line and the tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from logistics_pipeline.database.connections import Connection


class Severity(StrEnum):
    """How bad it is that a check has failed."""

    WARN = "warning"
    """A feed may do this; somebody should have a look."""
    ERROR = "error"
    """This must never happen, or stays wrong until somebody acts."""


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    passed: bool
    severity: Severity
    """Meaningless if the check has passed."""
    sentence: str
    """What was found and, if the check has failed, what to do."""
    figures: Mapping[str, Any]
    """Dagster plots the numbers among them."""

    @classmethod
    def passing(cls, sentence: str, figures: Mapping[str, Any]) -> "Finding":
        """The result of a check that has passed."""
        return cls(True, Severity.ERROR, sentence, figures)

    @classmethod
    def warning(cls, sentence: str, figures: Mapping[str, Any]) -> "Finding":
        """The result of a check that has failed with a warning."""
        return cls(False, Severity.WARN, sentence, figures)

    @classmethod
    def error(cls, sentence: str, figures: Mapping[str, Any]) -> "Finding":
        """The result of a check that has failed with an error."""
        return cls(False, Severity.ERROR, sentence, figures)

    @property
    def is_error(self) -> bool:
        """Whether the check has failed with an error."""
        return not self.passed and self.severity is Severity.ERROR


@dataclass(frozen=True)
class Check:
    """One thing that must be true of one table."""

    schema: str
    table: str
    name: str
    description: str
    find: Callable[[Connection, bool], Finding]
    """Runs in the connection's transaction. The second argument asks it to check everything, whatever that costs."""

    @property
    def full_name(self) -> str:
        """For example `raw.shipments rows_present`."""
        return f"{self.schema}.{self.table} {self.name}"
