"""What becomes of a rule's subject with the next look at it. Pure: state and observation in, state and changes out.

Two things are followed side by side. Whether the condition holds: ok → pending → firing → recovering → ok. And whether
it can be told at all: a subject that stays unknown for longer than the rule allows is an incident of its own, which
neither hides nor ends that of the condition.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from logistics_core.alert_rules.rules import Timing, WhenUnknown


class State(StrEnum):
    """Where the condition of a subject stands."""

    OK = "ok"
    PENDING = "pending"
    """It holds, but not for long enough yet."""
    FIRING = "firing"
    RECOVERING = "recovering"
    """It does not hold any more, but not for long enough yet."""


class Change(StrEnum):
    """What an observation has brought about."""

    OPENED = "opened"
    RESOLVED = "resolved"
    UNKNOWN_OPENED = "unknown opened"
    UNKNOWN_RESOLVED = "unknown resolved"


@dataclass(frozen=True)
class Track:
    """Where a subject stands."""

    state: State
    since: datetime
    unknown_since: datetime | None = None
    unknown_fires: bool = False

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to remember of it."""
        return self.state is State.OK and self.unknown_since is None


def quiet(now: datetime) -> Track:
    """Where a subject stands that was never seen, or was simply all right."""
    return Track(State.OK, now)


def step(track: Track, holds: bool | None, now: datetime, timing: Timing) -> tuple[Track, tuple[Change, ...]]:
    """The next state of a subject.

    Args:
        track: where it stands.
        holds: whether the condition holds; None if that cannot be told.
        now: by a clock that may step back: no time that has passed is less than none.
        timing: of the rule.
    """
    if holds is None and timing.unknown is WhenUnknown.OK:
        holds = False
    if holds is None:
        return _unknown(track, now, timing)
    known, changes = _known(track, now)
    after, more = _condition(known, holds, now, timing)
    return after, (*changes, *more)


def gone(track: Track, now: datetime) -> tuple[Track, tuple[Change, ...]]:
    """A subject that does not exist any more, such as a file that was loaded after all, is all right at once."""
    changes = [Change.UNKNOWN_RESOLVED] if track.unknown_fires else []
    if track.state in (State.FIRING, State.RECOVERING):
        changes.append(Change.RESOLVED)
    return quiet(now), tuple(changes)


def _unknown(track: Track, now: datetime, timing: Timing) -> tuple[Track, tuple[Change, ...]]:
    if timing.unknown is WhenUnknown.KEEP:
        return track, ()
    since = track.unknown_since or now
    fires = track.unknown_fires or _passed(since, now) >= timing.unknown_hold
    changes = (Change.UNKNOWN_OPENED,) if fires and not track.unknown_fires else ()
    return replace(track, unknown_since=since, unknown_fires=fires), changes


def _known(track: Track, now: datetime) -> tuple[Track, tuple[Change, ...]]:
    """Time in which nothing could be told counts neither for firing nor for being over."""
    if track.unknown_since is None:
        return track, ()
    waits = track.state in (State.PENDING, State.RECOVERING)
    known = replace(track, since=now if waits else track.since, unknown_since=None, unknown_fires=False)
    return known, (Change.UNKNOWN_RESOLVED,) if track.unknown_fires else ()


def _condition(track: Track, holds: bool, now: datetime, timing: Timing) -> tuple[Track, tuple[Change, ...]]:
    state, passed = track.state, _passed(track.since, now)
    if holds:
        if state is State.RECOVERING:
            return replace(track, state=State.FIRING, since=now), ()
        if state is State.FIRING:
            return track, ()
        if timing.hold <= (passed if state is State.PENDING else timedelta(0)):
            return replace(track, state=State.FIRING, since=now), (Change.OPENED,)
        return (track if state is State.PENDING else replace(track, state=State.PENDING, since=now)), ()
    if state in (State.OK, State.PENDING):
        return (track if state is State.OK else quiet(now)), ()
    if timing.keep <= (passed if state is State.RECOVERING else timedelta(0)):
        return quiet(now), (Change.RESOLVED,)
    return (track if state is State.RECOVERING else replace(track, state=State.RECOVERING, since=now)), ()


def _passed(since: datetime, now: datetime) -> timedelta:
    return max(now - since, timedelta(0))
