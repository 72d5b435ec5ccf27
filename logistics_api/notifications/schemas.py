"""Responses about notifications."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from logistics_api.parameters.cursors import Page
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.notifications import (
    AttemptOutcome,
    EndpointChannel,
    MessageState,
    Severity,
    SuppressionKind,
)

EndpointName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class EndpointState(StrEnum):
    """How an endpoint does."""

    ACTIVE = "active"
    PAUSED = "paused"
    """It has asked to be left alone for a while."""
    FAILING = "failing"
    DISABLED = "disabled"
    """It has failed for days, or wants no more messages."""


class Attempt(StrictModel):
    """An attempt to send a message."""

    number: int = Field(examples=[1])
    begun_at: datetime
    seconds: float | None = Field(description="How long it took; null while it is under way, or if it was interrupted")
    outcome: AttemptOutcome | None = Field(description="Null while it is under way, or if it was interrupted")
    status: int | None = Field(description="Of HTTP or SMTP", examples=[503])
    detail: str | None = Field(description="What the receiver said, or why it was not reached")
    template_version: int | None = Field(
        description="Version of the templates of its endpoint that it was made with; null if there were none"
    )


class Message(StrictModel):
    """A message about an event, or a digest, to one recipient."""

    message_id: int = Field(examples=[17])
    endpoint: str = Field(examples=["fleet-desk"])
    channel: EndpointChannel
    recipient: str | None = Field(description="Address of an e-mail", examples=["desk@example.org"])
    topic: str = Field(description="That of its event, or digest", examples=["alert.firing"])
    severity: Severity | None = Field(description="That of its event")
    title: str = Field(examples=["Rejects of shipments above 5 %"])
    path: str | None = Field(description="Place in the dashboard", examples=["/alerts?incident=17"])
    thread: str | None = Field(description="The same for all events of one incident")
    state: MessageState = Field(
        description="`sent` says that a mail server has accepted it, `delivered` that the receiver itself has said so"
    )
    reason: str | None = Field(description="Why it waits, or ended as it did")
    published_at: datetime
    due_at: datetime | None = Field(description="When it is sent, or sent again")
    ended_at: datetime | None
    attempts: list[Attempt]


class Messages(Page):
    """Messages, the newest first."""

    items: list[Message]


class Endpoint(StrictModel):
    """Where messages go. Addresses and secrets are not shown."""

    name: str = Field(examples=["fleet-desk"])
    title: str
    channel: EndpointChannel
    state: EndpointState
    disabled_reason: str | None
    failures: int = Field(description="Attempts that failed since the last one that succeeded")
    failing_since: datetime | None
    paused_until: datetime | None
    time_zone: str = Field(examples=["Europe/Berlin"])
    digest: str | None = Field(description="15m, daily or weekly", examples=["daily"])
    topics: list[str] = Field(description="What it has subscribed to", examples=[["alert.*"]])
    waiting: int = Field(description="Messages that wait, or are parts of a digest")
    dead: int = Field(description="Messages that were given up, or bounced")
    last_sent_at: datetime | None


class DayOfMessages(StrictModel):
    """The messages of the events of a day, by where they are now."""

    day: date
    events: int
    messages: int
    waiting: int
    held: int
    sent: int
    delivered: int
    bounced: int
    suppressed: int
    dead: int


class Endpoints(StrictModel):
    """All endpoints, and the messages of the last days."""

    endpoints: list[Endpoint]
    days: list[DayOfMessages] = Field(description="Of the last seven days with events (UTC), the newest first")


class MailSuppression(StrictModel):
    """Mails that an address does not get."""

    recipient: str = Field(description="The address, in small letters", examples=["desk@example.org"])
    endpoint: str | None = Field(description="Of which endpoint; null: of none", examples=["fleet-desk"])
    topic: str | None = Field(description="A topic, or the begin of topics; null: any", examples=["alert.*"])
    kind: SuppressionKind
    reason: str
    suppressed_at: datetime


class MailSuppressions(StrictModel):
    """Addresses that do not get all mails."""

    suppressions: list[MailSuppression] = Field(description="The newest first")


class ReportEdition(StrictModel):
    """A report as it was made for one window of its schedule."""

    edition_id: int = Field(examples=[17])
    window_at: datetime = Field(description="When it was due")
    outcome: Literal["published", "failed", "missed"] | None = Field(description="Null while it is tried")
    reason: str | None = Field(description="Why it is tried again, failed, or was missed")
    tries: int
    data_version: int | None = Field(description="The refresh that its figures are of")
    ended_at: datetime | None
    messages: int = Field(description="Messages that were made of it")
    accepted: int = Field(description="Those that were sent or delivered")


class BoardReport(StrictModel):
    """A board that is sent on a schedule."""

    name: str = Field(examples=["monday_figures"])
    title: str = Field(description="Its subject; empty: the title of the board")
    board: str = Field(description="ID or title of the board", examples=["Monday meeting"])
    schedule: str = Field(description="Minute, hour, day, month and weekday, as in cron", examples=["0 7 * * 1"])
    time_zone: str = Field(examples=["Europe/Berlin"])
    days: str = Field(description="Which days it is about", examples=["week"])
    endpoints: list[str] = Field(description="Who gets it", examples=[["fleet-desk"]])
    editions: list[ReportEdition] = Field(description="The ten newest, the newest first")


class BoardReports(StrictModel):
    """Reports by name."""

    reports: list[BoardReport]
