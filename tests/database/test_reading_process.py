"""Big files are read by a process of their own: the same result, and no process is left behind."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import psutil
import pytest

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading import loader
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import ElementsLayout
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.parse import parser_process
from logistics_pipeline.loading.parse.chunks import Chunk
from logistics_pipeline.loading.parse.parser_process import read_chunks_in_own_process
from logistics_pipeline.loading.parse.parsers import ReadTask
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_array, as_csv, vehicle
from tests.datasets import VEHICLES


@pytest.fixture
def apart(raw_folder: FolderUnderTest) -> FolderUnderTest:
    return replace(raw_folder, options=replace(raw_folder.options, own_process_bytes=0, parses_meanwhile=False))


def readers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "parser_process" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("write", [as_array, as_csv])
def test_it_loads_the_same(write: object, apart: FolderUnderTest, connection: Connection) -> None:
    content = write([vehicle(number, total_mileage=number - 3) for number in range(50)])  # type: ignore[operator]

    file = apart.drop_and_load("vehicles.data", content).file

    assert (file.state, file.records_read, file.records_loaded, file.records_rejected) == ("loaded", 50, 47, 3)
    assert readers() == []


def test_a_file_at_fault_fails_where_it_would_have(apart: FolderUnderTest, raw_folder: FolderUnderTest) -> None:
    content = as_array([vehicle(number) for number in range(50)])[:-20]

    there = apart.drop_and_load("vehicles/a.json", content).file
    here = raw_folder.drop_and_load("vehicles/b.json", content).file

    assert there.state == "failed"
    assert (there.error, there.records_loaded) == (here.error, here.records_loaded)


@pytest.mark.parametrize("write", [as_array, as_csv])
def test_it_continues_where_the_loader_has_parsed_meanwhile(
    write: object, apart: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser_process, "_has_message", lambda pipe: True)  # it takes over after the first chunk
    both = replace(apart, options=replace(apart.options, parses_meanwhile=True, chunk_bytes=500))
    content = write([vehicle(number, total_mileage=number - 3) for number in range(500)])  # type: ignore[operator]

    file = both.drop_and_load("vehicles.data", content).file

    assert (file.state, file.records_read, file.records_loaded, file.records_rejected) == ("loaded", 500, 497, 3)
    numbers = connection.execute("SELECT record_no FROM raw.vehicles ORDER BY record_no").fetchall()
    assert [number for (number,) in numbers] == list(range(4, 501))
    assert readers() == []


def test_a_small_file_may_be_parsed_before_it_has_started(apart: FolderUnderTest) -> None:
    both = replace(apart, options=replace(apart.options, parses_meanwhile=True))

    file = both.drop_and_load("vehicles.json", [vehicle(1), vehicle(2)]).file

    assert (file.state, file.records_loaded) == ("loaded", 2)
    assert readers() == []


@pytest.mark.parametrize("bad_every", [3, 30, None])
def test_a_smaller_file_gets_a_process_once_many_records_are_bad(
    bad_every: int | None, raw_folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[int]()

    def spy(task: ReadTask, *, meanwhile: bool) -> AbstractContextManager[Iterator[Chunk]]:
        started.append(task.after.records)
        return read_chunks_in_own_process(task, meanwhile=meanwhile)

    monkeypatch.setattr(parser_process, "read_chunks_in_own_process", spy)
    monkeypatch.setattr(parser_process, "_has_message", lambda pipe: True)
    records = [
        vehicle(number, total_mileage=-1 if bad_every and number % bad_every == 0 else 1) for number in range(3000)
    ]
    content = as_array(records)
    bad = [number + 1 for number in range(3000) if bad_every and number % bad_every == 0]

    file = raw_folder.drop_and_load(
        "vehicles.json", content, own_process_bytes=2 * len(content), chunk_bytes=5_000
    ).file

    assert (file.state, file.records_loaded, file.records_rejected) == ("loaded", 3000 - len(bad), len(bad))
    numbers = connection.execute("SELECT record_no FROM ingest.rejects ORDER BY record_no").fetchall()
    assert [number for (number,) in numbers] == bad
    assert [records >= 1000 for records in started] == ([True] if bad_every == 3 else [])
    assert readers() == []


@pytest.mark.slow
def test_a_reader_that_is_killed_is_replaced_and_nothing_is_read_twice(
    apart: FolderUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = 0

    def kill_once(records: int, size: int) -> None:
        nonlocal kills
        if kills == 0 and records >= 70:
            kills += 1
            for process in readers():
                process.kill()

    found = apart.drop("vehicles.json", [vehicle(number, name="x" * 200) for number in range(20_000)])
    fewer_batches = replace(apart.options, batch=BatchLimits(records=500, bytes=1 << 20), chunk_bytes=2_000)
    report = loader.load_file(apart.url, found, fewer_batches, on_progress=kill_once)

    assert kills == 1
    assert (report.file.state, report.file.records_read, report.file.records_loaded) == ("loaded", 20_000, 20_000)


@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_process_that_starts_after_the_file_was_replaced_does_not_go_on_in_the_new_one(
    apart: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch, meanwhile: bool
) -> None:
    """What was read of the first version stays; nothing of the second one is taken for it."""
    old = [vehicle(number, name="x" * 200) for number in range(20_000)]
    new = [vehicle(number, name="new") for number in range(20_000, 40_000)]
    found = apart.drop("vehicles.json", old)
    start = subprocess.Popen

    def start_late(*arguments: Any, **options: Any) -> Any:
        path = apart.options.raw_dir / "vehicles.json"
        path.with_name("vehicles.json.part").write_bytes(as_array(new))
        path.with_name("vehicles.json.part").replace(path)
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", start_late)
    fewer_batches = replace(
        apart.options, batch=BatchLimits(records=500, bytes=1 << 20), chunk_bytes=2_000, parses_meanwhile=meanwhile
    )
    report = loader.load_file(apart.url, found, fewer_batches)
    assert report.file.state == "failed" and "changed while it was loaded" in (report.file.error or "")
    assert connection.execute("SELECT count(*) FROM raw.vehicles WHERE name = 'new'").fetchone() == (0,)


def test_a_kill_is_told_from_the_end_of_the_file(apart: FolderUnderTest) -> None:
    found = apart.drop("vehicles.json", [vehicle(number, name="x" * 200) for number in range(20_000)])
    task = ReadTask(found.path, VEHICLES, ElementsLayout(1), 1, Checkpoint(), None, 1000, 1 << 20)

    def killed() -> Iterator[Chunk]:
        with read_chunks_in_own_process(task) as chunks:
            yield next(chunks)
            os.kill(readers()[0].pid, signal.SIGKILL)
            yield from chunks

    with pytest.raises(TransientError, match="SIGKILL"):
        list(killed())


def test_leaving_early_ends_the_process(apart: FolderUnderTest) -> None:
    found = apart.drop("vehicles.json", [vehicle(number, name="x" * 200) for number in range(20_000)])
    task = ReadTask(found.path, VEHICLES, ElementsLayout(1), 1, Checkpoint(), None, 1000, 1 << 20)

    with read_chunks_in_own_process(task) as chunks:
        next(chunks)
        assert len(readers()) == 1

    assert readers() == []
