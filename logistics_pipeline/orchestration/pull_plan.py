"""What the sensor of sources decides, as pure functions: which resources to pull now, and when each is due next.

The decision depends on states, not on events: whatever was interrupted, the next evaluation finds what is left to do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.orchestration.pull_times import latest_time, next_time
from logistics_pipeline.sources.definitions.definition import Schedule
from logistics_pipeline.sources.faults import PASSING_KINDS
from logistics_pipeline.sources.ledger.pulls import Pull

FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=1)
"""A pull that failed for a reason that may pass is gone on with after pauses that double, up to this one."""


@dataclass(frozen=True)
class ResourceState:
    """What is known about a resource with or without a schedule."""

    schedule: Schedule | None
    newest: Pull | None
    was_interrupted: bool = False
    """Its newest pull counts as running, but the run that had it has died."""


def due_since(state: ResourceState, now: datetime, *, attempts: int) -> datetime | None:
    """Since when the resource has been due; None if it is not.

    A pull that died more often than `attempts` waits for its schedule, or for a person.
    """
    at = next_pull_at(state, now, attempts=attempts)
    return at if at is not None and at <= now else None


def next_pull_at(state: ResourceState, now: datetime, *, attempts: int) -> datetime | None:
    """When the resource is pulled next, or since when it has been due; None if that takes a person."""
    if state.newest is not None and (at := _resumed_at(state, state.newest, attempts)) is not None:
        return at
    if state.schedule is None:
        return None
    time = latest_time(state.schedule, now)
    is_due = state.newest is None or state.newest.attempted_at < time
    return time if is_due else next_time(state.schedule, now)


def _resumed_at(state: ResourceState, newest: Pull, attempts: int) -> datetime | None:
    """When a pull that has not ended well is gone on with, whatever its schedule says; None: the schedule decides."""
    if newest.state is PullState.PAUSED:
        return newest.paused_until
    if newest.state is PullState.RUNNING and state.was_interrupted and newest.attempts < attempts:
        return newest.attempted_at
    if newest.state is PullState.FAILED and newest.error_kind in PASSING_KINDS:
        since = newest.finished_at or newest.heard_at
        return since + min(FIRST_RETRY * (1 << min(newest.attempts - 1, 10)), LONGEST_RETRY)
    return None
