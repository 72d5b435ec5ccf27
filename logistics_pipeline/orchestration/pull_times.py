"""When the schedule of a resource falls due, as pure functions. Times are in UTC, as are those of cron expressions."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from dagster._utils.schedules import get_latest_completed_cron_tick, get_next_cron_tick

from logistics_pipeline.sources.definitions.definition import Schedule

EPOCH = datetime(1970, 1, 5, tzinfo=UTC)
"""A Monday: `every 1 week` begins on Mondays, `every 15m` at the quarters of an hour."""

CRON_TIMES = 200
"""How many times of a cron expression are looked at to find the longest pause between two."""


def latest_time(schedule: Schedule, now: datetime) -> datetime:
    """The last time at or before `now` at which the schedule fell due."""
    if schedule.every is not None:
        return EPOCH + (now - EPOCH) // schedule.every * schedule.every
    assert schedule.cron is not None
    return get_latest_completed_cron_tick(schedule.cron, now, "UTC")


def next_time(schedule: Schedule, now: datetime) -> datetime:
    """The first time after `now` at which the schedule falls due."""
    if schedule.every is not None:
        return latest_time(schedule, now) + schedule.every
    assert schedule.cron is not None
    # Dagster's function returns `now` itself where the schedule falls due then.
    return get_next_cron_tick(schedule.cron, now + timedelta(microseconds=1), "UTC")


def longest_pause(schedule: Schedule, now: datetime) -> timedelta:
    """The longest time between two pulls: of a cron expression for working days, that of the weekend."""
    if schedule.every is not None:
        return schedule.every
    times = [next_time(schedule, now)]
    while len(times) < CRON_TIMES and times[-1] - times[0] < timedelta(days=800):
        times.append(next_time(schedule, times[-1]))
    return max(later - earlier for earlier, later in pairwise(times))
