"""Whatever happens to pulls, and in whatever order: in the end there is what one fresh pull would have brought."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.sources.pulls.pull_store import PullStore
from logistics_pipeline.sources.pulls.pulling import PullBusyError, PullRequest, pull
from logistics_pipeline.sources.pulls.remapping import remap
from tests.checkout import PROJECT_ROOT
from tests.sources.conftest import SourceUnderTest, assert_balanced
from tests.sources.server import EPOCH, Answer, Fleet, once, stamp, trip

WINDOW = "    incremental: {parameter: since, field: updated, lookback: 60m}\n"


class Interrupted(BaseException):
    """Stands for whatever ends a process; nothing in the product catches it."""


@pytest.mark.slow
def test_killed_processes_lose_nothing_and_double_nothing(
    source: SourceUnderTest, connection: Connection, tmp_path: Path
) -> None:
    """Real processes, killed at moments that nobody chose; the last one may come to its end."""
    fleet = source.fleet
    fleet.records = [trip(number) for number in range(150)]
    source.define_trips("cursor", "    total: total\n")
    definition = tmp_path / "fleet.yaml"
    definition.write_text(source.definition)
    chance = random.Random(14)
    command = [sys.executable, "-m", "tests.sources.pulling_process", source.url, str(definition), str(source.folder)]
    fleet.before = lambda asked: time.sleep(0.02)
    for _ in range(6):
        process = subprocess.Popen(
            command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
        )
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(chance.uniform(0.05, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        process.stdout.close()
    fleet.before = lambda asked: None
    _until_free(source)
    report = source.pulls[-1]
    assert report.pull.state in (PullState.COMPLETE, PullState.UNCHANGED)
    landed = source.landed()
    assert landed == fleet.records
    assert len(fleet.asked) <= 15 + 6 * 6, "finished pages were not asked for again"
    assert not list(source.options.raw_dir.rglob(".*")), "nothing is left behind"
    assert_balanced(connection)


def _until_free(source: SourceUnderTest) -> None:
    """Pulls once the server has noticed that the killed process is gone."""
    for _ in range(100):
        try:
            source.pull()
        except PullBusyError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the lock of a killed process is still held")


@pytest.mark.parametrize("moment", ["save_page", "note_progress", "totals"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_pull_that_dies_at_any_write_is_completed_by_the_next(
    source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch, connection: Connection, moment: str, number: int
) -> None:
    source.define_trips("cursor", WINDOW)
    original, calls = getattr(PullStore, moment), []

    def die(*arguments: Any, **keywords: Any) -> Any:
        calls.append(moment)
        if len(calls) == number:
            raise Interrupted
        return original(*arguments, **keywords)

    monkeypatch.setattr(PullStore, moment, die)
    for _ in range(4):
        try:
            if source.pull().pull.state.is_done:
                break
        except Interrupted:
            continue
    assert source.landed() == source.fleet.records
    assert_balanced(connection)


def test_a_pull_that_dies_between_its_file_and_its_commit_lands_the_same_file_again(
    source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.define_trips("cursor")
    rename = Path.replace
    calls: list[os.stat_result] = []

    def die(path: Path, target: Path) -> Path:
        done = rename(path, target)
        if path.name.endswith(".zst.tmp") and not calls:
            calls.append(path.stat() if path.exists() else target.stat())
            raise Interrupted
        return done

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(Interrupted):
        source.pull()
    report = source.pull()
    assert report.was_resumed and report.file is not None
    status = report.file.stat()
    assert (status.st_size, status.st_mtime_ns) == (calls[0].st_size, calls[0].st_mtime_ns), "no other version"


class Pulls(RuleBasedStateMachine):
    """Records change, come late and are dated back; pulls run, die, fail, wait; mappings change and come back."""

    make: Callable[[], SourceUnderTest]
    pagination: str

    def __init__(self) -> None:
        super().__init__()
        self.source = self.make()
        self.fleet = self.source.fleet
        self.fleet.records = [trip(number) for number in range(23)]
        self.fleet.now = EPOCH + timedelta(minutes=30)
        self.fleet.faults, self.fleet.asked = [], []
        self.numbers = iter(range(100, 100_000))
        self.mapping = 0
        self.define()

    def define(self) -> None:
        fields = ["{id: id, at: updated, n: distance}", "{id: id, at: updated, n: {path: distance, scale: 2}}"]
        self.source.define_trips(
            self.pagination, f"{WINDOW}    fields: {fields[self.mapping]}\n", top="retries: {attempts: 1}\n"
        )

    def expected(self) -> dict[str, tuple[str, float]]:
        factor = 1 + self.mapping
        return {each["id"]: (each["updated"], each["distance"] * factor) for each in self.fleet.records}

    @rule(minutes=st.integers(0, 50))
    def time_passes(self, minutes: int) -> None:
        self.fleet.now += timedelta(minutes=minutes)
        if self.source.pulls and minutes > 20:
            self.pull_to_the_end()  # else more than a lookback might pass between two pulls of late records

    @rule(age=st.integers(0, 3000))
    def a_record_comes(self, age: int) -> None:
        self.fleet.records.append(trip(next(self.numbers), updated=stamp(self.fleet.now - timedelta(seconds=age))))

    @rule(choice=st.integers(0, 10**6), age=st.integers(0, 3000))
    def a_record_changes(self, choice: int, age: int) -> None:
        place = choice % len(self.fleet.records)
        old = self.fleet.records[place]
        new = max(old["updated"], stamp(self.fleet.now - timedelta(seconds=age)))
        self.fleet.records[place] = old | {"updated": new, "distance": old["distance"] + 1}

    @rule(pages=st.integers(0, 4), trouble=st.sampled_from(["dies", "fails", "waits", "cut"]))
    def a_pull_is_interrupted(self, pages: int, trouble: str) -> None:
        answers = {
            "fails": once(Answer({}, 500)),
            "waits": once(Answer({}, 429, {"Retry-After": "100000"})),
            "cut": once(Answer({"items": [trip(1)]}, cut_at=5)),
        }
        self.fleet.faults = [*[lambda asked: None] * pages, answers[trouble]] if trouble in answers else []
        source = self.source

        def die(done: int, _: int) -> None:
            if trouble == "dies" and done > pages:
                raise Interrupted

        try:
            report = pull(source.url, source.source, "trips", source.options, PullRequest(), die)
            source.pulls.append(report)
        except Interrupted:
            pass
        self.fleet.faults = []
        self.forget_wait()

    @rule()
    def pull_to_the_end(self) -> None:
        self.forget_wait()
        report = self.source.pull()
        assert report.pull.state.is_done, report.pull.error
        if report.was_resumed:
            assert self.source.pull().pull.state.is_done

    @rule()
    @precondition(lambda self: self.source.pulls)
    def the_mapping_changes(self) -> None:
        self.mapping = 1 - self.mapping
        self.define()
        source, asked = self.source, len(self.fleet.asked)
        list(remap(source.url, source.source, "trips", source.options, self.load_options))
        assert len(self.fleet.asked) == asked

    load_options: Any = None

    def forget_wait(self) -> None:
        with connect(self.source.url) as connection:
            connection.execute("DELETE FROM source.rate_limits")

    @invariant()
    def balances(self) -> None:
        with connect(self.source.url) as connection:
            assert_balanced(connection)

    def teardown(self) -> None:
        self.pull_to_the_end()
        self.pull_to_the_end()
        rows = {key: (row["at"], row["n"]) for key, row in self.source.rows().items()}
        assert rows == self.expected()


@pytest.mark.slow
@pytest.mark.parametrize("pagination", ["cursor", "offset"])
def test_any_order_of_pulls_and_troubles_ends_as_a_fresh_pull(
    database_url: str, tmp_path: Path, options: Any, pagination: str
) -> None:
    count = iter(range(10_000))
    with Fleet().served() as fleet:

        class Machine(Pulls):
            def make(self) -> SourceUnderTest:
                with connect(database_url) as connection:
                    connection.execute(
                        "TRUNCATE source.pulls, source.pages, source.rate_limits RESTART IDENTITY CASCADE"
                    )
                return SourceUnderTest(database_url, tmp_path / str(next(count)), fleet)

        Machine.pagination = pagination
        Machine.load_options = options
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=6, stateful_step_count=12, derandomize=True, database=None, deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
