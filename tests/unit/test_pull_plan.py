"""When resources of sources are pulled, state by state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.orchestration.pull_plan import ResourceState, due_since, next_pull_at
from logistics_pipeline.orchestration.pull_times import latest_time, longest_pause, next_time
from logistics_pipeline.sources.definitions.definition import Schedule
from logistics_pipeline.sources.definitions.times import parse_schedule
from logistics_pipeline.sources.ledger.pulls import Pull

NOW = datetime(2024, 3, 6, 10, 20, tzinfo=UTC)
"""A Wednesday."""
QUARTERS = parse_schedule("every 15m")
MORNINGS = parse_schedule("0 6 * * 1-5")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def newest(state: PullState = PullState.COMPLETE, **values: Any) -> Pull:
    fields = dict.fromkeys(Pull.__dataclass_fields__)
    times = {"started_at": NOW, "attempted_at": NOW, "heard_at": NOW}
    return Pull(**fields | times | {"attempts": 1, "state": state, "warnings": []} | values)  # type: ignore[arg-type]


@pytest.mark.parametrize(("schedule", "now", "latest", "following"), [
    ("every 15m", "2024-03-06 10:20", "2024-03-06 10:15", "2024-03-06 10:30"),
    ("every 15m", "2024-03-06 10:15", "2024-03-06 10:15", "2024-03-06 10:30"),
    ("every 1w", "2024-03-06 10:20", "2024-03-04 00:00", "2024-03-11 00:00"),
    ("0 6 * * 1-5", "2024-03-08 06:00", "2024-03-08 06:00", "2024-03-11 06:00"),
    ("0 6 * * 1-5", "2024-03-10 12:00", "2024-03-08 06:00", "2024-03-11 06:00"),
    ("30 4 29 2 *", "2025-01-01 00:00", "2024-02-29 04:30", "2028-02-29 04:30"),
])  # fmt: skip
def test_times_of_schedules(schedule: str, now: str, latest: str, following: str) -> None:
    found = parse_schedule(schedule)
    assert (latest_time(found, at(now)), next_time(found, at(now))) == (at(latest), at(following))


@pytest.mark.parametrize(("schedule", "days"), [(QUARTERS, 1 / 96), (MORNINGS, 3), (parse_schedule("0 0 1 * *"), 31)])
def test_the_longest_pause_of_a_schedule(schedule: Schedule, days: float) -> None:
    assert longest_pause(schedule, NOW) == timedelta(days=days)


ENDED_EARLY = {"error": "It failed.", "attempted_at": NOW - timedelta(minutes=9), "finished_at": NOW}


@pytest.mark.parametrize(("schedule", "pull", "expected"), [
    (QUARTERS, None, "2024-03-06 10:15"),
    (MORNINGS, None, "2024-03-06 06:00"),
    (None, None, None),
    (None, newest(), None),
    (QUARTERS, newest(), "2024-03-06 10:30"),
    (QUARTERS, newest(attempted_at=at("2024-03-06 10:14")), "2024-03-06 10:15"),
    (QUARTERS, newest(attempted_at=at("2024-03-06 10:15")), "2024-03-06 10:30"),
    (MORNINGS, newest(attempted_at=at("2024-03-05 06:01")), "2024-03-06 06:00"),
    (QUARTERS, newest(PullState.PAUSED, paused_until=at("2024-03-06 12:00")), "2024-03-06 12:00"),
    (None, newest(PullState.PAUSED, paused_until=at("2024-03-06 10:00")), "2024-03-06 10:00"),
    (QUARTERS, newest(PullState.ABANDONED, attempted_at=at("2024-03-06 10:00")), "2024-03-06 10:15"),
    (MORNINGS, newest(PullState.FAILED, error_kind="authentication", **ENDED_EARLY), "2024-03-07 06:00"),
    (MORNINGS, newest(PullState.FAILED, error_kind="connection", **ENDED_EARLY), "2024-03-06 10:25"),
    (None, newest(PullState.FAILED, error_kind="server", attempts=3, **ENDED_EARLY), "2024-03-06 10:40"),
    (MORNINGS, newest(PullState.FAILED, error_kind="server", attempts=99, **ENDED_EARLY), "2024-03-06 11:20"),
])  # fmt: skip
def test_when_a_resource_is_pulled_next(schedule: Schedule | None, pull: Pull | None, expected: str | None) -> None:
    state = ResourceState(schedule, pull)
    time = None if expected is None else at(expected)
    assert next_pull_at(state, NOW, attempts=3) == time
    assert due_since(state, NOW, attempts=3) == (time if time is not None and time <= NOW else None)


def test_a_pull_that_dies_again_and_again_waits_for_its_schedule() -> None:
    for attempts, expected in ((1, NOW), (2, NOW), (3, at("2024-03-07 06:00"))):
        pull = newest(PullState.RUNNING, attempts=attempts)
        assert next_pull_at(ResourceState(MORNINGS, pull, was_interrupted=True), NOW, attempts=3) == expected
        assert next_pull_at(ResourceState(MORNINGS, pull), NOW, attempts=3) == at("2024-03-07 06:00")
