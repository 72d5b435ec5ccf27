"""The keys of `notifications.yaml`, each with what it means. The JSON Schema says the same."""

from typing import Annotated, Any, Literal

import msgspec

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_core.places.keys import Keys, said

_EMPTY_LIST: Any = msgspec.field(default_factory=list)
_EMPTY_MAPPING: Any = msgspec.field(default_factory=dict)


class SubscriptionKeys(Keys, kw_only=True):
    """Events that an endpoint gets: those that fit all keys."""

    topics: Annotated[list[str], said("Topics such as alert.firing, their begin such as alert.*, or * for all")] = (
        msgspec.field(default_factory=lambda: ["*"])
    )
    severity: Annotated[Severity, said("The least severity: info, warning or critical")] = Severity.INFO
    labels: Annotated[
        dict[str, str | list[str]], said("Labels with the value, or the values, that an event may have")
    ] = _EMPTY_MAPPING


class BounceMailboxKeys(Keys, kw_only=True):
    """The mailbox for bounces, which the worker reads by IMAP."""

    server: Annotated[str, said("Its name")]
    port: Annotated[int | None, said("Unset: 993, with `security: starttls` 143")] = None
    security: Annotated[Literal["tls", "starttls"], said("tls (from the first byte) or starttls")] = "tls"
    username: Annotated[str, said("Name to sign in with, or a reference")]
    password: Annotated[str, said("A reference: env:NAME or file:PATH")]
    folder: Annotated[str, said("Which folder is read; nothing in it is changed")] = "INBOX"
    ca_file: Annotated[str | None, said("PEM file with the authorities that are trusted instead of the usual ones")] = (
        None
    )
    private: Annotated[bool, said("true: the server may have an address of a private network or of this machine")] = (
        False
    )


class MailKeys(Keys, kw_only=True):
    """The server that mails are sent through."""

    server: Annotated[str, said("Its name")]
    port: Annotated[int | None, said("Unset: 587, with `security: tls` 465, with none 25")] = None
    security: Annotated[
        Literal["starttls", "tls", "none"],
        said("starttls, tls (from the first byte) or none, for a server of a private network"),
    ] = "starttls"
    username: Annotated[str | None, said("Name to sign in with, or a reference")] = None
    password: Annotated[str | None, said("A reference: env:NAME or file:PATH")] = None
    sender: Annotated[str, said("Whom mails are from: Logistics <alerts@example.org>")] = msgspec.field(name="from")
    bounces: Annotated[
        str | None, said("Mailbox for bounces: they come to its name, a plus and the signed ID of the message")
    ] = None
    bounce_mailbox: Annotated[
        BounceMailboxKeys | None, said("How the worker reads that mailbox; unset: it is passed on, or read by command")
    ] = None
    unsubscribe: Annotated[
        str | None,
        said(
            "Where recipients unsubscribe, beside the link that mails have with `dashboard`: mailto:... or https://..."
        ),
    ] = None
    ca_file: Annotated[str | None, said("PEM file with the authorities that are trusted instead of the usual ones")] = (
        None
    )
    private: Annotated[bool, said("true: the server may have an address of a private network or of this machine")] = (
        False
    )


class PushKeys(Keys, kw_only=True):
    """Web push: notifications that browsers of people show. Without any of these keys it works as well."""

    contact: Annotated[
        str | None, said("Whom push services may write to: mailto:... or https://...; unset: `from` of `mail`")
    ] = None
    key: Annotated[
        str | None,
        said(
            "A reference to the private VAPID key, as PEM or in base64url; unset: the database has one. With another "
            "key, browsers have to be added again"
        ),
    ] = None
    hosts: Annotated[
        list[str], said("Push services beside those of Google, Mozilla, Microsoft and Apple; subdomains are meant too")
    ] = _EMPTY_LIST
    ca_file: Annotated[str | None, said("PEM file with the authorities that are trusted instead of the usual ones")] = (
        None
    )
    private: Annotated[bool, said("true: `hosts` may have addresses of a private network or of this machine")] = False


class EndpointKeys(Keys, kw_only=True):
    """Where messages go, what goes there, and when."""

    channel: Annotated[EndpointChannel, said("webhook, email, slack, teams, discord, telegram, inbox or apprise")]
    title: Annotated[str, said("Name for people")] = ""
    subscriptions: Annotated[list[SubscriptionKeys], said("What it gets; unset: everything")] = msgspec.field(
        default_factory=lambda: [SubscriptionKeys()]
    )
    time_zone: Annotated[str, said("IANA name of the zone of quiet hours, digests and times: Europe/Berlin")] = "UTC"
    language: Annotated[str, said("Language of its messages, such as de; what has no translation is in English")] = "en"
    quiet_hours: Annotated[str | None, said("When only critical events are sent: 22:00-06:30")] = None
    digest: Annotated[
        Literal["15m", "daily", "weekly"] | None,
        said("Events that are not critical are put together: every 15m, daily, or weekly on Monday"),
    ] = None
    digest_at: Annotated[str, said("Time of day of a daily or weekly digest")] = "08:00"
    per_hour: Annotated[
        int | Literal["unlimited"] | None,
        said(
            "Events in an hour after which the next ones are put together; unset: 20, a webhook and an inbox unlimited"
        ),
    ] = None
    title_template: Annotated[
        str | None, said("Title in Liquid: {{ event.state }}: {{ event.title }}. Not of webhooks")
    ] = None
    text_template: Annotated[str | None, said("Text in Liquid, the same way")] = None
    to: Annotated[list[str], said("Of email: the addresses")] = _EMPTY_LIST
    url: Annotated[
        str | None,
        said(
            "Of webhook: the address. Of slack, teams, discord and apprise: a reference, as it is a secret itself. Of "
            "telegram: an own server of its Bot API"
        ),
    ] = None
    secrets: Annotated[
        list[str], said("Of webhook: references to what requests are signed with; two while one takes over")
    ] = _EMPTY_LIST
    headers: Annotated[dict[str, str], said("Of webhook: headers, plain or references")] = _EMPTY_MAPPING
    token: Annotated[str | None, said("Of telegram: a reference to the token of the bot")] = None
    chat: Annotated[str | None, said("Of telegram: the ID of the chat")] = None
    ca_file: Annotated[str | None, said("Over HTTP: PEM file with the authorities that are trusted")] = None
    private: Annotated[
        bool, said("Over HTTP: true if it may have an address of a private network or of this machine")
    ] = False


class NotificationsKeys(Keys, kw_only=True):
    """Who is told of what, and how."""

    dashboard: Annotated[str | None, said("Address of the dashboard, which links in messages begin with")] = None
    mail: Annotated[MailKeys | None, said("The server that mails are sent through")] = None
    push: Annotated[PushKeys | None, said("How browsers of people are reached")] = None
    endpoints: Annotated[dict[str, EndpointKeys], said("Endpoints by name")] = _EMPTY_MAPPING
