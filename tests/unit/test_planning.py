"""The file sensor's decisions, state by state."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.orchestration.load_plan import (
    IN_PROGRESS,
    FutureFile,
    SettledFiles,
    files_to_register,
    plan_loads,
    settled_files,
)

SECOND = 1_000_000_000


def found(key: str = "a.json", size: int = 10, modified_ns: int = 1) -> FoundFile:
    return FoundFile(key, Path("/raw") / key, "shipments", size, modified_ns)


def entry(
    state: str = "loaded",
    *,
    size: int = 10,
    modified_ns: int = 1,
    attempts: int = 0,
    is_asked_for: bool = False,
    is_missing: bool = False,
) -> LedgerFile:
    return LedgerFile(
        file_id=1,
        dataset="shipments",
        path="a.json",
        version=1,
        size_bytes=size,
        modified_ns=modified_ns,
        content_hash=None,
        format=None,
        state=state,
        records_read=0,
        records_loaded=0,
        records_superseded=0,
        records_rejected=0,
        bytes_read=0,
        unknown_fields=[],
        error=None,
        warning=None,
        attempts=attempts,
        seconds=0,
        run_id=None,
        retry_requested_at=datetime(2024, 3, 5, tzinfo=UTC) if is_asked_for else None,
        is_missing=is_missing,
    )


def planned(known: LedgerFile, status: str | None, file: FoundFile | None = None) -> str:
    plan = plan_loads([file or found()], {"a.json": known}, {"a.json": status}, load_attempts=3)
    return "load" if plan.load else "give up" if plan.give_up else "leave"


def test_a_file_that_the_ledger_has_forgotten_is_loaded_even_if_dagster_has_a_result() -> None:
    """After a failover or a restore of the ledger's server alone: the sensor has just registered the file once more."""
    assert planned(entry("registered"), "MATERIALIZED") == "load"
    assert planned(entry("loading", attempts=1), "MATERIALIZED") == "load"


NOW_NS = 10**18


@pytest.mark.parametrize("age_seconds, settled", [(0, False), (9.9, False), (10, True), (1e9, True)])
def test_a_file_is_settled_once_it_was_left_alone(age_seconds: float, settled: bool) -> None:
    file = found(modified_ns=NOW_NS - int(age_seconds * SECOND))

    assert settled_files([file], {}, NOW_NS, 10, {}).files == ([file] if settled else [])


def test_it_is_known_when_all_files_will_be_settled() -> None:
    files = [found(modified_ns=NOW_NS - int(age * SECOND)) for age in (1, 7.5, 20)]

    assert settled_files(files, {}, NOW_NS, 10, {}).seconds_to_others == 9


def test_without_a_settle_time_every_file_is_settled() -> None:
    files = [found(modified_ns=5), found("b.json", modified_ns=9 * SECOND)]

    assert settled_files(files, {}, 5, 0, {}).files == files


def test_a_file_with_a_time_in_the_future_is_settled_once_it_was_seen_unchanged_for_as_long() -> None:
    """As a server with a fast clock gives them: while it is written its time moves on, and stays ahead of ours."""
    future_files: dict[str, FutureFile] = {}
    became_settled = []
    for second, size in ((0, 10), (5, 20), (10, 30), (19.9, 30), (20, 30), (25, 30)):
        file = found(size=size, modified_ns=NOW_NS + 3600 * SECOND + size)
        seen = settled_files([file], {}, NOW_NS + int(second * SECOND), 10, future_files)
        future_files = seen.future
        if seen.files:
            became_settled.append(second)

    assert became_settled == [20, 25]


def test_a_registered_file_with_a_time_in_the_future_need_not_be_remembered() -> None:
    file = found(modified_ns=NOW_NS + SECOND)
    known = {file.key: entry(modified_ns=file.modified_ns)}

    assert settled_files([file], known, NOW_NS, 10, {}) == SettledFiles([file], {}, None)


@pytest.mark.parametrize("status", ["FAILED", None])
def test_a_file_that_was_gone_is_loaded_when_it_is_back_but_not_for_ever(status: str | None) -> None:
    assert planned(entry("failed", is_missing=True, attempts=2), status) == "load"
    assert planned(entry("failed", is_missing=True, attempts=3), "FAILED") == "leave"


def test_new_files_and_files_of_another_size_are_registered_touched_ones_not() -> None:
    files = [found("new.json"), found("same.json"), found("touched.json", modified_ns=2), found("grown.json", size=11)]
    known = {key: entry() for key in ("same.json", "touched.json", "grown.json", "gone.json")}

    assert [file.key for file in files_to_register(files, known)] == ["new.json", "grown.json"]


@pytest.mark.parametrize("state", ["registered", "loading", "loaded", "failed", "unloaded"])
@pytest.mark.parametrize("is_asked_for", [True, False])
def test_a_file_that_a_run_has_is_left_to_it(state: str, is_asked_for: bool) -> None:
    assert planned(entry(state, attempts=99, is_asked_for=is_asked_for), IN_PROGRESS, found(size=11)) == "leave"


@pytest.mark.parametrize("state", ["registered", "loading", "loaded", "failed", "unloaded"])
@pytest.mark.parametrize("status", ["MATERIALIZED", "FAILED", None])
def test_new_content_is_loaded_whatever_became_of_the_old(state: str, status: str | None) -> None:
    assert planned(entry(state, attempts=99), status, found(size=11)) == "load"
    assert planned(entry(state, attempts=99), status, found(modified_ns=2)) == "load"


@pytest.mark.parametrize("state", ["registered", "loading", "loaded", "failed"])
def test_a_file_that_dagster_has_no_result_for_is_loaded(state: str) -> None:
    assert planned(entry(state), None) == "load"


def test_a_file_that_failed_with_a_run_dagster_has_no_result_of_was_terminated_and_is_left() -> None:
    known = {"a.json": replace(entry("failed"), run_id="terminated")}
    assert not plan_loads([found()], known, {}, load_attempts=3).load


@pytest.mark.parametrize("status", ["MATERIALIZED", "FAILED"])
def test_an_ended_load_is_not_repeated_and_an_interrupted_one_is_until_it_is_given_up(status: str) -> None:
    assert planned(entry("loaded", attempts=3), status) == "leave"
    assert planned(entry("failed"), status) == "leave"
    for state in ("registered", "loading"):
        assert planned(entry(state, attempts=2), status) == "load"
        assert planned(entry(state, attempts=3), status) == "give up"


def test_a_file_whose_run_died_when_it_was_loaded_but_unreported_is_reported_by_another_run() -> None:
    for attempts, decision in ((0, "load"), (2, "load"), (3, "leave")):
        known = {"a.json": entry("loaded", attempts=attempts)}
        plan = plan_loads([found()], known, {"a.json": "FAILED"}, load_attempts=3)

        assert ("load" if plan.load else "leave") == decision
        assert plan.report == plan.load
    assert planned(entry("loaded"), "MATERIALIZED") == "leave"
    assert not plan_loads([found()], {"a.json": entry("loading")}, {"a.json": "FAILED"}, load_attempts=3).report


@pytest.mark.parametrize("status", ["MATERIALIZED", "FAILED", None])
def test_an_unloaded_file_stays_out_until_somebody_asks_for_it(status: str | None) -> None:
    assert planned(entry("unloaded"), status) == "leave"
    assert planned(entry("unloaded", is_asked_for=True), status) == "load"


@pytest.mark.parametrize("state", ["loaded", "failed", "unloaded"])
def test_what_somebody_asked_for_is_loaded_whatever_became_of_it(state: str) -> None:
    assert planned(entry(state, is_asked_for=True), "MATERIALIZED") == "load"
    assert planned(entry(state, is_asked_for=True), "FAILED") == "load"


@settings(deadline=None, max_examples=100)
@given(
    states=st.lists(
        st.tuples(
            st.sampled_from(["registered", "loading", "loaded", "failed", "unloaded"]),
            st.sampled_from(["MATERIALIZED", "FAILED", IN_PROGRESS, None]),
            st.integers(0, 5),
            st.integers(10, 11),
        )
    )
)
def test_no_file_is_both_loaded_and_given_up_and_the_decision_is_each_files_own(
    states: list[tuple[str, str | None, int, int]],
) -> None:
    files = [found(str(index), size=size) for index, (_, _, _, size) in enumerate(states)]
    known = {str(index): entry(state, attempts=attempts) for index, (state, _, attempts, _) in enumerate(states)}
    status = {str(index): status for index, (_, status, _, _) in enumerate(states)}

    plan = plan_loads(files, known, status, load_attempts=3)

    assert not plan.load & plan.give_up
    for file in files:
        alone = plan_loads([file], known, status, load_attempts=3)
        assert (file.key in plan.load, file.key in plan.give_up) == (bool(alone.load), bool(alone.give_up))
