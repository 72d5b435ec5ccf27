"""Messages to people and programs, in the schema `notify`: their channels and states."""

from enum import StrEnum


class Severity(StrEnum):
    """How much an event matters, the least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    """It ignores quiet hours and digests."""

    @property
    def rank(self) -> int:
        """0, 1 or 2."""
        return tuple(Severity).index(self)


class EndpointChannel(StrEnum):
    """How an endpoint is reached. The table `notify.endpoints` accepts no other values."""

    WEBHOOK = "webhook"
    """By the rules of Standard Webhooks."""
    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"
    DISCORD = "discord"
    TELEGRAM = "telegram"
    INBOX = "inbox"
    """In the dashboard: a message is delivered once its row is there."""
    APPRISE = "apprise"
    """Whatever else the library Apprise reaches."""
    PUSH = "push"
    """A browser of a person, through its push service. Nobody declares it: people choose it for themselves."""


class MessageState(StrEnum):
    """Where a message is. The table `notify.messages` accepts no other values."""

    WAITING = "waiting"
    """It will be sent at its time, or again."""
    HELD = "held"
    """It goes out as a part of a digest."""
    SENT = "sent"
    """A mail server has accepted it, which does not say that it has arrived."""
    DELIVERED = "delivered"
    """The receiver itself has said so."""
    BOUNCED = "bounced"
    """The mail server of the recipient refuses the address."""
    SUPPRESSED = "suppressed"
    """It was decided not to send it; the reason says why."""
    DEAD = "dead"
    """It was tried and given up. It can be resent."""

    @property
    def is_open(self) -> bool:
        """Whether another state follows."""
        return self in OPEN_STATES


OPEN_STATES = frozenset({MessageState.WAITING, MessageState.HELD})
"""In all others a message has ended."""


class PreviewState(StrEnum):
    """How far a preview of a report or of templates is. The tables of previews in `notify` accept no other values."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class AttemptOutcome(StrEnum):
    """How an attempt to send a message ended. The table `notify.attempts` accepts no other values."""

    SENT = "sent"
    DELIVERED = "delivered"
    PASSING = "passing"
    """It failed for now: the message is sent again."""
    REFUSED = "refused"
    """It failed for good."""
    BOUNCED = "bounced"
    GONE = "gone"
    """The receiver wants no more messages: the endpoint is disabled."""


class SuppressionKind(StrEnum):
    """Why an address does not get all mails. The table `notify.suppressions` accepts no other values."""

    BOUNCED = "bounced"
    UNSUBSCRIBED = "unsubscribed"


READ_LINK = "notify.read_link(%(link)s, %(code)s)"
"""SQL call that says, as JSON, what a link to unsubscribe is about; NULL if it is unknown."""

UNSUBSCRIBE = "notify.unsubscribe(%(link)s, %(code)s)"
"""SQL call that ends the mails that a link is about, and returns the same."""

SUBSCRIBE_AGAIN = "notify.subscribe_again(%(link)s, %(code)s)"
"""SQL call that takes that back, and returns the same."""

REQUEST_PREVIEW = "notify.request_preview(%(report)s, %(requested_by)s)"
"""SQL call that asks a worker for a report as it would be sent now, and returns the ID; NULL if too many wait."""

REQUEST_TEMPLATE_PREVIEW = (
    "notify.request_template_preview(%(endpoint)s, %(version)s, %(message)s::bigint, %(requested_by)s)"
)
"""SQL call that asks a worker what an event looks like to an endpoint, and returns the ID; NULL if too many wait."""

RESTORE_TEMPLATES = "notify.restore_templates(%(endpoint)s, %(version)s, %(restored_by)s)"
"""SQL call that makes a new version of the templates of an endpoint from an earlier one, and returns the version in
force; NULL if there is no such version."""

CHANGE_PREFERENCES = (
    "notify.set_preferences(%(person_id)s, %(version)s, %(time_zone)s, %(language)s, %(quiet_from)s::time, "
    "%(quiet_until)s::time, %(channels)s::jsonb)"
)
"""SQL call that changes what a person wants to be told and returns the new version; NULL if they do not have the known
version any more."""

SUBSCRIBE_PERSON_AGAIN = "notify.subscribe_person_again(%(person_id)s)"
"""SQL call that takes back what a person has unsubscribed from by links; returns how many entries that ends."""

MARK_MESSAGES = "notify.mark_messages(%(person_id)s, %(message_ids)s::bigint[], %(up_to)s::bigint, %(is_read)s)"
"""SQL call that marks messages in the inbox of a person as read or unread; returns how many that changes."""

ADD_PUSH_SUBSCRIPTION = (
    "notify.add_push_subscription(%(person_id)s, %(url)s, %(digest)s, %(p256dh)s, %(auth)s, %(name)s)"
)
"""SQL call that has a browser show the notifications of a person; returns its ID, NULL if they have twenty already."""

REMOVE_PUSH_SUBSCRIPTION = "notify.remove_push_subscription(%(person_id)s, %(subscription_id)s)"
"""SQL call that takes that back; NULL if it is none of theirs."""

SEND_TEST = "notify.send_test(%(person_id)s, %(channel)s, %(title)s, %(text)s)"
"""SQL call that sends a test to a person by one channel; returns to how many endpoints."""
