"""Sensors that wait within an evaluation react at once, and to nothing that is not there."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import dagster as dg
import pytest

from logistics_core.database_contract.channels import Channel
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.files.folder_changes import FolderChanges
from logistics_pipeline.ledger import staleness as ledger_staleness
from logistics_pipeline.loading.file_lock import file_lock
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.orchestration.jobs import REFRESH_JOB
from logistics_pipeline.orchestration.sensors.long_polling import Patience, minimum_interval, waiting_seconds
from logistics_pipeline.orchestration.sensors.raw_files import SENSOR_NAME, is_news
from logistics_pipeline.orchestration.sensors.stale_analytics import END_OF_RUN_SECONDS
from tests.orchestration.conftest import System, vehicle_log

PATIENCE = waiting_seconds(30)
"""Of an evaluation here: long, so that one which waits to its end fails the test."""
Evaluation = Future[list[dg.RunRequest]]


@pytest.fixture
def waiting(system: System) -> System:
    settings = system.settings.model_copy(update={"long_polling": True, "sensor_interval_seconds": 30})
    return replace(system, settings=settings)


@pytest.fixture
def in_background() -> Iterator[Callable[..., Evaluation]]:
    """Begins an evaluation that waits, and gives it a moment to have looked for the first time."""
    with ThreadPoolExecutor(1) as executor:

        def begin(evaluate: Callable[[], list[dg.RunRequest]]) -> Evaluation:
            begun = executor.submit(evaluate)
            time.sleep(1)
            return begun

        yield begin


def test_a_file_is_requested_as_soon_as_it_has_settled(
    waiting: System, in_background: Callable[..., Evaluation]
) -> None:
    evaluation = in_background(waiting.tick)
    assert not evaluation.done()
    began = time.monotonic()
    (waiting.settings.raw_dir / "vehicle_logs.json").write_text(json.dumps([vehicle_log(1)]))

    (request,) = evaluation.result(PATIENCE)

    assert request.tags["dagster/asset_partition_range_start"] == "vehicle_logs.json"
    assert waiting.settings.settle_seconds <= time.monotonic() - began < PATIENCE / 2


def test_a_file_that_is_renamed_into_place_is_requested_at_once(
    waiting: System, in_background: Callable[..., Evaluation]
) -> None:
    waiting = replace(waiting, settings=waiting.settings.model_copy(update={"settle_seconds": 3_600}))
    evaluation = in_background(waiting.tick)
    unfinished = waiting.settings.raw_dir / "vehicle_logs.json.part"
    unfinished.write_text(json.dumps([vehicle_log(1)]))
    assert not evaluation.done()

    unfinished.rename(waiting.settings.raw_dir / "vehicle_logs.json")

    (request,) = evaluation.result(PATIENCE)
    assert request.tags["dagster/asset_partition_range_start"] == "vehicle_logs.json"


def test_a_refresh_is_requested_as_soon_as_a_load_has_ended(
    waiting: System, in_background: Callable[..., Evaluation]
) -> None:
    make_figures(replace(waiting, settings=waiting.settings.model_copy(update={"long_polling": False})))
    waiting.drop("vehicle_logs.json", [vehicle_log(1)])
    (found,) = load_options(waiting.settings).folder.find_files()
    evaluation = in_background(waiting.refresh_tick)
    assert not evaluation.done()
    began = time.monotonic()
    assert waiting.settings.database_url is not None
    assert load_file(waiting.settings.database_url, found, load_options(waiting.settings)).is_loaded

    (request,) = evaluation.result(PATIENCE)

    assert time.monotonic() - began < PATIENCE / 2
    assert waiting.run(request, REFRESH_JOB.name).success


def test_while_a_file_is_loaded_its_commits_are_no_reason_to_look(
    waiting: System, in_background: Callable[..., Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_figures(replace(waiting, settings=waiting.settings.model_copy(update={"long_polling": False})))
    waiting.drop("vehicle_logs.json", [vehicle_log(1)])
    waiting.drop("vehicle_logs2.json", [vehicle_log(2)])
    url, options = waiting.settings.database_url, load_options(waiting.settings)
    assert url is not None
    loaded, found = ledger.in_registration_order(options.folder.find_files())
    assert load_file(url, loaded, options).is_loaded
    looks: list[float] = []

    def staleness(connection: Connection) -> ledger.Staleness:
        looks.append(time.monotonic())
        return ledger_staleness(connection)

    monkeypatch.setattr(ledger, "staleness", staleness)
    with connect(url) as loading, file_lock(loading, found.key):
        file = ledger.begin(loading, ledger.register(loading, found).file_id, None)
        evaluation = in_background(waiting.refresh_tick)
        for _ in range(50):
            loading.execute(f"NOTIFY {Channel.FILES}")
            time.sleep(0.01)
        assert not evaluation.done()
        ledger.fail(loading, file.file_id, "It was enough.")

    assert len(evaluation.result(PATIENCE)) == 1
    assert all(after - before >= END_OF_RUN_SECONDS for before, after in pairwise(looks))


def make_figures(system: System) -> None:
    """The first ones, which a new database waits for."""
    for request in system.refresh_tick():
        assert system.run(request, REFRESH_JOB.name).success


def test_without_long_polling_an_evaluation_ends_at_once(system: System) -> None:
    make_figures(system)
    began = time.monotonic()

    assert system.evaluate(SENSOR_NAME).skip_message == "0 files, nothing to load"
    assert system.evaluate("stale_analytics").skip_message == "the figures are up to date"
    assert time.monotonic() - began < PATIENCE / 2


@dataclass
class Changes(FolderChanges):
    """What a folder would tell."""

    has_changed: bool

    def wait(self, seconds: float) -> bool:
        return self.has_changed


@pytest.mark.parametrize(
    "has_changed, seconds_to_others, rest, left, expected, slept",
    [
        (False, None, 0.0, 5.0, False, 0.0),
        (True, None, 0.2, 5.0, True, 0.2),
        (False, 1.5, 0.2, 5.0, True, 1.5),
        (True, 0.1, 3.0, 5.0, True, 3.0),  # a look that takes long is not repeated at once
        (True, 6.0, 0.2, 5.0, False, 0.0),
        (True, None, 6.0, 5.0, False, 0.0),
    ],
)
def test_the_next_look_comes_with_what_it_waits_for(
    has_changed: bool,
    seconds_to_others: float | None,
    rest: float,
    left: float,
    expected: bool,
    slept: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)

    assert is_news(Changes(has_changed), Patience.of(left), seconds_to_others, rest) is expected
    assert sum(pauses) == pytest.approx(slept, abs=0.05)


def test_an_evaluation_ends_before_the_next_is_due_and_before_dagster_gives_it_up() -> None:
    for interval in (1, 2, 5, 10, 15, 60, 3_600):
        assert 5 < waiting_seconds(interval) < min(max(interval, 10), 60)
        assert 1 <= minimum_interval(interval) <= interval
