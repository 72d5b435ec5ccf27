"""A message on its way: what a channel is given, and what it says of its attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from logistics_core.database_contract.notifications import AttemptOutcome, EndpointChannel, Severity
from logistics_core.editions import Edition
from logistics_core.languages.translating import ENGLISH, Language, language_named
from logistics_pipeline.notifying.local_times import QuietHours
from logistics_pipeline.notifying.publishing import Event


@dataclass(frozen=True)
class Browser:
    """A browser that takes messages of web push, and the key of ours that it knows."""

    url: str
    p256dh: str
    auth: str
    own_key: str | None
    """None: the declaration refers to it."""


@dataclass(frozen=True)
class Outgoing:
    """A message whose lease this process holds."""

    message_id: int
    public_id: UUID
    endpoint: str
    endpoint_id: int
    channel: EndpointChannel
    configuration: Mapping[str, Any]
    recipient: str
    events: tuple[Event, ...]
    """One, or those of a digest, the earliest first."""
    is_digest: bool
    published_at: datetime
    number: int
    """Of the attempt, from 1."""
    tries: int
    """Attempts since it was published or resent, this one included."""
    time_zone: str = "UTC"
    language_code: str = ENGLISH
    """What its recipient reads."""
    quiet: QuietHours | None = None
    unsubscribe_code: bytes | None = None
    """Of e-mail: what the link to unsubscribe is signed with."""
    bounce_code: bytes | None = None
    """Of e-mail: the same of the address for bounces."""
    edition: Edition | None = None
    """Of e-mail: the report that it brings."""
    chart: Mapping[str, Any] | None = None
    """Of e-mail: that of its incident, as the database has it."""
    person_id: int | None = None
    """Whose own endpoint it is for."""
    browser: Browser | None = None
    """Of web push: where it goes."""
    template_version: int | None = None
    """That of the templates in its configuration, which may be none at all; None if there never were any."""

    @property
    def language(self) -> Language:
        """What it is told in."""
        return language_named(self.language_code)

    @property
    def is_urgent(self) -> bool:
        """Whether it ignores quiet hours."""
        return any(event.severity is Severity.CRITICAL for event in self.events)

    @property
    def thread(self) -> str | None:
        """That of its event."""
        return None if self.is_digest else self.events[0].thread

    @property
    def standard_id(self) -> str:
        """The same for every attempt: receivers drop repeats by it."""
        return f"msg_{self.public_id.hex}"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    outcome: AttemptOutcome
    detail: str = ""
    """What the receiver said, without secrets."""
    status: int | None = None
    wanted_seconds: float | None = None
    """How long the receiver wants to be left alone."""
    is_throttled: bool = False
    """Whether that concerns all messages of the endpoint."""
    suppress: str | None = field(default=None)
    """Why the address of the recipient gets no mail from now on."""
