"""What becomes of a subject: every sequence of observations, at a clock that may step back."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.alert_rules.rules import Timing, WhenUnknown
from logistics_pipeline.alerting.transitions import Change, State, Track, gone, quiet, step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run(timing: Timing, observations: list[tuple[float, bool | None]]) -> tuple[Track, list[tuple[int, Change]]]:
    """The last state, and the changes with the place of the observation that brought them. Times are minutes."""
    track, changes = quiet(NOW), []
    for place, (minutes, holds) in enumerate(observations):
        track, found = step(track, holds, NOW + minutes * MINUTE, timing)
        changes += [(place, change) for change in found]
    return track, changes


def test_without_waiting_it_fires_and_resolves_at_once() -> None:
    track, changes = run(Timing(), [(0, False), (1, True), (2, True), (3, False)])
    assert changes == [(1, Change.OPENED), (3, Change.RESOLVED)]
    assert track.is_quiet


def test_it_fires_only_after_it_has_held_for_long_enough() -> None:
    timing = Timing(hold=10 * MINUTE)
    assert run(timing, [(0, True), (9, True), (9.5, False), (10, True), (19, True)])[1] == []
    assert run(timing, [(0, True), (5, True), (10, True)])[1] == [(2, Change.OPENED)]


def test_it_is_over_only_after_it_has_been_for_long_enough() -> None:
    timing = Timing(keep=10 * MINUTE)
    track, changes = run(timing, [(0, True), (1, False), (5, True), (6, False), (15, False)])
    assert changes == [(0, Change.OPENED)] and track.state is State.RECOVERING
    assert step(track, False, NOW + 16 * MINUTE, timing)[1] == (Change.RESOLVED,)


def test_what_cannot_be_told_is_an_incident_of_its_own_and_ends_nothing() -> None:
    timing = Timing(unknown_hold=5 * MINUTE)
    track, changes = run(timing, [(0, True), (1, None), (5, None), (6, None), (7, None), (8, True)])
    assert changes == [(0, Change.OPENED), (3, Change.UNKNOWN_OPENED), (5, Change.UNKNOWN_RESOLVED)]
    assert track.state is State.FIRING


def test_time_in_which_nothing_could_be_told_does_not_count() -> None:
    timing = Timing(hold=10 * MINUTE, unknown_hold=60 * MINUTE)
    assert run(timing, [(0, True), (5, None), (12, None), (13, True), (22, True)])[1] == []
    assert run(timing, [(0, True), (5, None), (13, True), (23, True)])[1] == [(3, Change.OPENED)]


@pytest.mark.parametrize(("unknown", "state"), [(WhenUnknown.KEEP, State.FIRING), (WhenUnknown.OK, State.OK)])
def test_a_rule_may_take_the_unknown_as_it_likes(unknown: WhenUnknown, state: State) -> None:
    timing = Timing(unknown=unknown, unknown_hold=timedelta(0))
    track, changes = run(timing, [(0, True), (100, None)])
    assert track.state is state
    assert Change.UNKNOWN_OPENED not in [change for _, change in changes]


def test_what_is_gone_is_over() -> None:
    firing, _ = run(Timing(unknown_hold=timedelta(0)), [(0, True), (1, None)])
    assert gone(firing, NOW) == (quiet(NOW), (Change.UNKNOWN_RESOLVED, Change.RESOLVED))
    assert gone(quiet(NOW), NOW) == (quiet(NOW), ())


timings = st.builds(
    Timing,
    hold=st.sampled_from([timedelta(0), 3 * MINUTE]),
    keep=st.sampled_from([timedelta(0), 3 * MINUTE]),
    unknown=st.sampled_from(WhenUnknown),
    unknown_hold=st.sampled_from([timedelta(0), 3 * MINUTE]),
)
sequences = st.lists(st.tuples(st.integers(-5, 60), st.sampled_from([True, False, None])), max_size=40)


@given(timings, sequences)
def test_what_opens_closes_once_in_turns_whatever_the_clock_does(
    timing: Timing, observations: list[tuple[int, bool | None]]
) -> None:
    track, changes = run(timing, [(float(minutes), holds) for minutes, holds in observations])
    for opens, closes in ((Change.OPENED, Change.RESOLVED), (Change.UNKNOWN_OPENED, Change.UNKNOWN_RESOLVED)):
        own = [change for _, change in changes if change in (opens, closes)]
        assert own == [opens, closes] * (len(own) // 2) + [opens] * (len(own) % 2)
    counted = Counter(change for _, change in changes)
    is_open = counted[Change.OPENED] > counted[Change.RESOLVED]
    assert is_open == (track.state in (State.FIRING, State.RECOVERING))
    assert (counted[Change.UNKNOWN_OPENED] > counted[Change.UNKNOWN_RESOLVED]) == track.unknown_fires
    assert all(observations[place][1] is not False for place, change in changes if change is Change.OPENED)
    assert all(observations[place][1] is not True for place, change in changes if change is Change.RESOLVED)


@given(timings, sequences, st.sampled_from([True, False, None]))
def test_the_same_look_at_the_same_moment_changes_nothing_more(
    timing: Timing, observations: list[tuple[int, bool | None]], holds: bool | None
) -> None:
    track, _ = run(timing, [(float(minutes), each) for minutes, each in observations])
    once, _ = step(track, holds, NOW, timing)
    twice, changes = step(once, holds, NOW, timing)
    assert changes == () and replace(twice, since=once.since) == once
