"""A part of the campaign with every `make test`, and the proof that it finds what it looks for."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.campaign import Stage, build_stage, run_campaign
from tests.faults.faults import FAULTS
from tests.faults.run import Run
from tests.faults.site import Site
from tests.keyed import CATALOGUE

RUNS, SEED = 50, 1


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with build_stage() as built:
        yield built


@pytest.mark.slow
def test_loads_struck_by_any_fault_end_like_undisturbed_ones(stage: Stage) -> None:
    report = run_campaign(stage, range(RUNS), SEED)
    print(report)

    assert not report.failures, str(report)
    assert len(report.results) == RUNS
    assert {result.fault for result in report.results if result.in_mid_load} == {fault.name for fault in FAULTS}
    assert report.in_mid_load >= 0.8 * report.strikes, str(report)  # the others proved nothing


@pytest.fixture(scope="module")
def finished(stage: Stage) -> Run:
    """A run with rejects that has ended well."""
    number = next(number for number, fault in enumerate(FAULTS) if fault.name == "disk full")
    run = Run(*stage, SEED, number)
    assert run().is_good
    return run


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DELETE FROM {table} WHERE record_no = (SELECT max(record_no) FROM {table})", "1 lost: row"),
        ("DELETE FROM ingest.rejects WHERE record_no = (SELECT min(record_no) FROM ingest.rejects)", "1 lost: reject"),
        (
            "INSERT INTO ingest.rejects SELECT file_id, -record_no, byte_offset, field, reason, raw "
            "FROM ingest.rejects LIMIT 1",
            "1 doubled: reject",
        ),
        ("UPDATE {table} SET record_no = 0 WHERE record_no = (SELECT max(record_no) FROM {table})", "1 wrong: row"),
        (
            "UPDATE ingest.rejects SET raw = 'x' WHERE record_no = (SELECT min(record_no) FROM ingest.rejects)",
            "1 wrong",
        ),
        (
            "UPDATE ingest.files SET records_loaded = records_loaded - 1, records_superseded = records_superseded + 1",
            "records_loaded of",
        ),
        ("DELETE FROM ingest.batches WHERE last_record = (SELECT max(last_record) FROM ingest.batches)", "its batches"),
        ("UPDATE ingest.files SET state = 'failed'", "ended as"),
        ("ALTER TABLE {table} DROP CONSTRAINT {name}_pkey", "is missing"),
    ],
)
def test_the_comparison_tells_what_is_lost_doubled_or_wrong(finished: Run, damage: str, says: str) -> None:
    name = finished.main.dataset
    with finished.disturbed.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(damage.format(table=f"raw.{name}", name=name).encode())
        finished.judge(connection)

    assert says in f"{finished.result.differences} {finished.result.trouble}"
    with finished.disturbed.connect() as connection:
        finished.judge(connection)
    assert finished.result.is_good


@pytest.mark.slow
def test_tables_that_do_not_survive_a_crash_are_found_out(stage: Stage) -> None:
    disturbed, _, _ = stage
    restarts = [number for number in range(2 * len(FAULTS)) if FAULTS[number % len(FAULTS)].name == "server restarted"]
    with _unlogged(disturbed):
        report = run_campaign(stage, restarts, SEED)

    assert sum(len(result.differences.lost) for result in report.results) > 0
    assert "lost: row" in str(report)


@contextmanager
def _unlogged(site: Site) -> Iterator[None]:
    """PostgreSQL empties such tables when it recovers from a crash."""
    for state in ("UNLOGGED", "LOGGED"):
        with site.connect() as connection:
            for dataset in CATALOGUE:
                connection.execute(f"ALTER TABLE raw.{dataset} SET {state}".encode())
        if state == "UNLOGGED":
            yield
