"""What goes wrong with a source. A fault ends a request or a pull; its message and advice are stored with the pull."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from logistics_pipeline.errors import PipelineError


class FaultKind(StrEnum):
    """What is at fault: the column `error_kind` of `source.pulls`."""

    CONFIGURATION = "configuration"
    """The definition, or a secret that is missing."""
    HOST = "host"
    """A host that the definition does not declare, or an address that it does not allow."""
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    TLS = "tls"
    AUTHENTICATION = "authentication"
    SERVER = "server"
    """The source says that it cannot answer now (5xx)."""
    STATUS = "status"
    """A status that no retry changes."""
    RATE_LIMIT = "rate_limit"
    RESPONSE = "response"
    """It is not what the definition says: no JSON, no records, an error in place of them."""
    SIZE = "size"
    LOOP = "loop"
    """A page, or the address of one, that was there before."""
    SHIFTED = "shifted"
    """Pages have shifted while they were read."""
    INCOMPLETE = "incomplete"
    """Fewer records than the source says there are."""
    ARCHIVE = "archive"
    """A page in the archive is not what was received."""
    MAPPING = "mapping"


PASSING_KINDS = frozenset({
    FaultKind.CONNECTION, FaultKind.TIMEOUT, FaultKind.SERVER, FaultKind.RATE_LIMIT, FaultKind.SHIFTED,
    FaultKind.INCOMPLETE,
})  # fmt: skip
"""After these, the same pull may succeed some minutes later without anybody doing anything."""


@dataclass
class SourceFault(PipelineError):
    """Something of the source, or of its definition, is at fault. Trying again at once does not help."""

    kind: FaultKind
    message: str
    advice: str = ""
    status: int | None = None
    """Of the response."""

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


@dataclass
class PassingFault(SourceFault):
    """It may be over in a moment: the request is tried again."""

    retry_after: float | None = None
    """Seconds that the source wants to be left alone."""


@dataclass
class UnauthorisedFault(SourceFault):
    """The source does not take the credentials, or not any more."""


@dataclass
class PausedPull(SourceFault):
    """The source wants to be left alone for longer than a pull waits."""

    until: datetime | None = None
