"""The schedule of attempts."""

import random
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from logistics_pipeline.notifying.retry_schedule import ATTEMPTS, PAUSES, pause_after


@given(tries=st.integers(1, ATTEMPTS - 1), seed=st.integers())
def test_pauses_follow_the_schedule_with_up_to_a_fifth_more(tries: int, seed: int) -> None:
    pause = pause_after(tries, chance=random.Random(seed))
    assert pause is not None and PAUSES[tries - 1] <= pause <= 1.2 * PAUSES[tries - 1]


@given(tries=st.integers(ATTEMPTS, 1000), wanted=st.none() | st.floats(0, 1e9))
def test_after_the_last_attempt_there_is_none_whatever_the_receiver_wants(tries: int, wanted: float | None) -> None:
    assert pause_after(tries, wanted) is None


@given(tries=st.integers(1, ATTEMPTS - 1), wanted=st.floats(0, 1e12))
def test_what_the_receiver_wants_takes_the_place_of_the_schedule_within_a_day(tries: int, wanted: float) -> None:
    pause = pause_after(tries, wanted)
    assert pause is not None
    assert timedelta(seconds=min(max(wanted, 1), 86_400)) <= pause + timedelta(microseconds=1)
    assert pause <= timedelta(days=1) * 1.2


def test_attempts_go_on_for_three_days_and_messages_that_failed_together_come_back_apart() -> None:
    assert timedelta(days=3) < sum(PAUSES, timedelta()) < timedelta(days=4)
    assert len({pause_after(4) for _ in range(50)}) > 40
