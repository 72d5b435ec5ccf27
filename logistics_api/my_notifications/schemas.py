"""Requests and responses about the notifications of a person."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from logistics_api.parameters.cursors import Page
from logistics_api.parameters.types import Flag, Paging
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.notifications import Severity

Topic = Annotated[str, Field(max_length=100, pattern=r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$", examples=["alert.*"])]
TimeOfDay = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"])]
PersonalChannel = Literal["inbox", "email", "push"]
_KEY = r"^[A-Za-z0-9_-]+={0,2}$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Choice(_Body):
    """What comes by a channel: events of one of the topics, of the severity at least."""

    topics: list[Topic] = Field(
        min_length=1, max_length=50, description="Topics, their begin such as alert.*, or * for all"
    )
    severity: Severity = Field(description="The least severity")


class MailChoice(Choice):
    """What comes by e-mail, and how often."""

    digest: Literal["15m", "daily", "weekly"] | None = Field(
        None, description="What is not critical is put together: every 15m, daily, or weekly on Monday; null: it is not"
    )
    digest_at: TimeOfDay = Field("08:00", description="Time of day of a daily or weekly digest")


class Channels(_Body):
    """What comes by each channel; null: nothing."""

    inbox: Choice | None
    email: MailChoice | None
    push: Choice | None = Field(description="In all browsers of the person that were added")


class QuietHours(_Body):
    """When only critical events are sent; `until` may be on the next day."""

    from_: TimeOfDay = Field(alias="from")
    until: TimeOfDay

    @model_validator(mode="after")
    def _is_a_time(self) -> Self:
        if self.from_ == self.until:
            raise ValueError("quiet hours that begin at another time than they end")
        return self


class Preferences(_Body):
    """What a person wants to be told, where and when."""

    time_zone: str | None = Field(
        description="IANA name; quiet hours and digests are in it. Null: the one that the identity provider names, "
        "or UTC", max_length=100, examples=["Europe/Berlin"],
    )  # fmt: skip
    language: str | None = Field(
        None, description="Language of messages, English where it has no words; null: the one that the identity "
        "provider names, or English", max_length=3, examples=["de"],
    )  # fmt: skip
    quiet_hours: QuietHours | None = Field(description="When only critical events are sent; null: never")
    channels: Channels


class Mailbox(StrictModel):
    """The e-mail of a person."""

    address: str | None = Field(
        description="As the identity provider or the proxy vouches for it; null: for none", examples=["ada@example.org"]
    )
    problem: str | None = Field(description="Why no mail comes, in a sentence")
    unsubscribed_topics: list[str] = Field(description="What a link in a mail has ended", examples=[["alert.*"]])


class PushSubscription(StrictModel):
    """A browser that shows notifications of the person."""

    subscription_id: int = Field(examples=[3])
    name: str = Field(description="What it calls itself", examples=["Firefox on Linux"])
    digest: str = Field(description="SHA-256 of its address, in hexadecimal: the browser finds itself by it")
    added_at: datetime
    failures: int = Field(description="Attempts that failed since the last one that succeeded")
    disabled_reason: str | None = Field(description="Why nothing is sent to it any more")
    last_sent_at: datetime | None


class Push(StrictModel):
    """Notifications of browsers (web push)."""

    public_key: str | None = Field(
        description="The VAPID key that a browser subscribes with; null before the worker has run"
    )
    subscriptions: list[PushSubscription]


class MyNotifications(StrictModel):
    """What a person has chosen, and how their channels do."""

    version: int = Field(description="What a change names in If-Match", examples=[3])
    time_zone: str | None = Field(examples=["Europe/Berlin"])
    usual_time_zone: str = Field(description="The one that counts without `time_zone`", examples=["UTC"])
    language: str | None = Field(examples=["de"])
    usual_language: str = Field(description="The one that counts without `language`", examples=["en"])
    languages: list[str] = Field(description="Those that can be chosen", examples=[["en", "de"]])
    quiet_hours: QuietHours | None
    channels: Channels
    email: Mailbox
    push: Push
    restriction: str | None = Field(description="Why the person is told of less than others, in a sentence")


class MessagesParameters(Paging):
    """Which messages of the inbox are asked for."""

    unread: Flag = Field(False, description="Only what is unread")


class InboxFact(StrictModel):
    """A name and a value."""

    name: str
    value: str


class InboxMessage(StrictModel):
    """A message in the inbox of a person."""

    message_id: int = Field(examples=[17])
    topic: str = Field(examples=["alert.firing"])
    severity: Severity
    title: str
    text: str
    facts: list[InboxFact]
    path: str | None = Field(description="Place in the dashboard", examples=["/alerts?incident=17"])
    thread: str | None = Field(description="The same for all events of one incident")
    occurred_at: datetime
    published_at: datetime
    read_at: datetime | None = Field(description="Null: unread")


class Inbox(Page):
    """The inbox of a person, the newest messages first."""

    unread: int = Field(description="How many are unread, up to a thousand", examples=[2])
    items: list[InboxMessage]


class Marks(_Body):
    """Messages that are marked: those named, or all up to one."""

    model_config = ConfigDict(strict=True)

    message_ids: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] = Field([], max_length=1_000, examples=[[17]])
    up_to: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = Field(
        None, description="This one, and all before it", examples=[17]
    )
    is_read: bool = Field(True, description="false: they are unread again")


class Marked(StrictModel):
    """What a mark has changed."""

    marked: int = Field(description="How many messages", examples=[1])
    unread: int = Field(description="How many are unread now, up to a thousand", examples=[0])


class BrowserKeys(_Body):
    """What content is encrypted with for a browser (RFC 8291), in base64url."""

    p256dh: str = Field(min_length=87, max_length=88, pattern=_KEY)
    auth: str = Field(min_length=22, max_length=24, pattern=_KEY)


class NewPushSubscription(BaseModel):
    """A subscription as a browser gives it (`PushSubscription.toJSON()`)."""

    model_config = ConfigDict(extra="ignore")

    endpoint: str = Field(
        description="Address of its push service", max_length=2_000,
        examples=["https://updates.push.services.mozilla.com/wpush/v2/gAAAA"],
    )  # fmt: skip
    keys: BrowserKeys
    name: str = Field(
        "A browser", description="What the browser calls itself", min_length=1, max_length=200, pattern="^[^\\x00]+$"
    )


class AddedPushSubscription(StrictModel):
    """A browser that shows notifications from now on."""

    subscription_id: int = Field(examples=[3])


class WantedTest(_Body):
    """A test by one channel."""

    channel: PersonalChannel


class Tested(StrictModel):
    """What became of it."""

    messages: int = Field(description="How many messages were made: one per browser, mailbox or inbox", examples=[1])
