"""What becomes of an event for one recipient: sent now, later, within a digest, or not at all. Arithmetic alone."""

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from logistics_core.database_contract.notifications import EndpointChannel, MessageState, Severity
from logistics_pipeline.notifying.local_times import (
    QuietHours,
    next_daily,
    next_multiple,
    next_quarter,
    next_weekly,
    quiet_end,
)

RESOLVED = "alert.resolved"
CHART_WAIT = timedelta(seconds=3)
"""A mail that would go out now waits so long at most for the chart of its incident."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Preferences:
    """How an endpoint wants its messages."""

    endpoint_id: int
    channel: EndpointChannel
    time_zone: str = "UTC"
    quiet: QuietHours | None = None
    digest: str | None = None
    """`15m`, `daily` or `weekly`."""
    digest_at: time = time(8)
    per_hour: int | None = None
    disabled_reason: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """Where its clocks are."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class Circumstances:
    """What matters besides the event itself."""

    now: datetime
    in_last_hour: int = 0
    """Events that the recipient was sent, or is to be sent, within the last hour."""
    suppression: str | None = None
    """Why the address gets no mail."""
    is_thread_silent: bool = False
    """There were messages of the same thread, and none of them was or will be sent."""
    is_thread_urgent: bool = False
    """One of them was critical."""


@dataclass(frozen=True)
class Window:
    """The digest that a message goes into."""

    kind: str
    ends_at: datetime


@dataclass(frozen=True)
class Plan:
    """The first state of a message."""

    state: MessageState
    due_at: datetime | None = None
    window: Window | None = None
    reason: str | None = None
    is_quiet: bool = field(default=False)
    awaits_chart: bool = False


def plan_message(topic: str, severity: Severity, preferences: Preferences, circumstances: Circumstances) -> Plan:
    """The first state of a message about an event.

    Raises:
        ZoneInfoNotFoundError, ValueError: the preferences name no time zone.
    """
    silence = _silence(topic, preferences, circumstances)
    if silence is not None:
        return Plan(MessageState.SUPPRESSED, reason=silence)
    if preferences.channel is EndpointChannel.INBOX:
        return Plan(MessageState.DELIVERED)
    now = circumstances.now
    is_urgent = severity is Severity.CRITICAL or (topic == RESOLVED and circumstances.is_thread_urgent)
    is_over = preferences.per_hour is not None and circumstances.in_last_hour >= preferences.per_hour
    if is_urgent:
        if is_over:
            return _held(Window("1m", next_multiple(now, _MINUTE)), f"More than {preferences.per_hour} in an hour.")
        return Plan(MessageState.WAITING, now)
    if preferences.digest is not None:
        return _held(digest_window(preferences, now), None)
    if is_over:
        window = Window("15m", _after_quiet(preferences, next_quarter(now)))
        return _held(window, f"More than {preferences.per_hour} in an hour.")
    due_at = _after_quiet(preferences, now)
    if due_at > now:
        return Plan(MessageState.WAITING, due_at, reason="It waits for the end of the quiet hours.", is_quiet=True)
    return Plan(MessageState.WAITING, now)


def with_chart(plan: Plan, preferences: Preferences, now: datetime) -> Plan:
    """The same of an event whose chart follows: a mail that would be sent now gives it some seconds."""
    if preferences.channel is not EndpointChannel.EMAIL or plan.due_at != now:
        return plan
    return replace(plan, due_at=now + CHART_WAIT, reason="It waits for its chart.", awaits_chart=True)


def _silence(topic: str, preferences: Preferences, circumstances: Circumstances) -> str | None:
    """Why nothing is sent at all."""
    if preferences.disabled_reason is not None:
        return f"The endpoint is disabled: {preferences.disabled_reason}"
    if circumstances.suppression is not None:
        return f"The address gets no mail: {circumstances.suppression}"
    if topic == RESOLVED and circumstances.is_thread_silent:
        return "It was over before anything about it was sent."
    return None


def _held(window: Window, reason: str | None) -> Plan:
    return Plan(MessageState.HELD, window=window, reason=reason)


def digest_window(preferences: Preferences, now: datetime) -> Window:
    """The digest that takes what happens now. One that would end in quiet hours ends with them."""
    match preferences.digest:
        case "daily":
            ends_at = next_daily(now, preferences.digest_at, preferences.zone)
        case "weekly":
            ends_at = next_weekly(now, preferences.digest_at, preferences.zone)
        case _:
            ends_at = next_quarter(now)
    return Window(preferences.digest or "15m", _after_quiet(preferences, ends_at))


def _after_quiet(preferences: Preferences, instant: datetime) -> datetime:
    if preferences.quiet is None:
        return instant
    return quiet_end(preferences.quiet, instant, preferences.zone) or instant
