"""A load of a large file killed at nine tenths: how soon the next one writes again, and what it does twice."""

import subprocess
import time
from dataclasses import dataclass

from bench.comparing import spread
from bench.datasets import VEHICLE_LOGS
from bench.loading import loader_command, read_account
from bench.part import Bench, Part
from bench.processes import kill_group, run, started
from bench.results import Column, Findings, Table, Target
from bench.samples import BYTES_PER_LOG, Sample, make_sample
from logistics_core.settings import Settings

WANTED_SECONDS = 2
_BYTES = 1_000_000_000
_REPETITIONS = 3
_KILLED_AT = 0.9
_BATCHES_AT_LEAST = 40
"""In a file of fewer, nine tenths would be so near the end that the load is over before it is killed."""
_TIMEOUT_SECONDS = 1_800


@dataclass(frozen=True)
class _Resumed:
    killed_at: int
    """Records that were committed when the loader was killed."""
    seconds_to_first_batch: float
    rows_twice: int
    """Rows that PostgreSQL wrote and took back, because their batch was never committed."""


def _measure(bench: Bench) -> Findings:
    batch = Settings.model_fields["batch_records"].default
    records = max(bench.records(_BYTES // BYTES_PER_LOG), _BATCHES_AT_LEAST * batch)
    sample = make_sample(bench.folder, VEHICLE_LOGS, records)
    bench.say(f"{sample.bytes:,} bytes, {sample.records:,} records")
    tries = [_interrupt_and_resume(bench, sample) for _ in range(bench.repetitions(_REPETITIONS))]
    first_batch = spread([each.seconds_to_first_batch for each in tries])
    twice = max(each.rows_twice for each in tries)
    columns = [
        Column("file, MiB", "MiB"),
        Column("records", "count"),
        Column("runs", "count"),
        Column("killed at record", "count"),
        Column("first new batch after, s", "seconds"),
        Column("from–to", "text"),
        Column("rows written twice, at most", "count"),
        Column("rows of a batch", "count"),
    ]
    row = [
        sample.bytes / 2**20,
        sample.records,
        len(tries),
        tries[-1].killed_at,
        first_batch.median,
        str(first_batch),
        twice,
        batch,
    ]
    sample.remove()
    return Findings(
        [Table("vehicle_logs, JSON array", columns, [row])],
        [
            Target(
                "resumed at 90 % of a 1 GB file: first new batch",
                "seconds",
                "at most",
                WANTED_SECONDS,
                first_batch.highest,
            ),
            Target("resumed at 90 %: records repeated (one batch at most)", "count", "at most", batch, twice),
        ],
    )


def _interrupt_and_resume(bench: Bench, sample: Sample) -> _Resumed:
    database = bench.database
    database.reset()
    written_before = database.rows_written(sample.dataset)
    with started(loader_command(bench, sample.path)) as process:
        _wait_for(bench, process, round(sample.records * _KILLED_AT))
        kill_group(process)
    database.wait_until_idle()
    killed_at = database.value("SELECT records_read FROM ingest.files")
    if killed_at == sample.records:
        raise RuntimeError("The load had come to its end before it was killed.")
    account = read_account(run(loader_command(bench, sample.path)))
    if account["error"] or account["loaded"] != sample.records:
        raise RuntimeError(f"Resumed, the load did not come to its end: {account}")
    database.wait_until_idle()
    written = database.rows_written(sample.dataset) - written_before
    return _Resumed(killed_at, account["first_batch_seconds"], written - database.count(sample.dataset.table))


def _wait_for(bench: Bench, process: "subprocess.Popen[str]", records: int) -> None:
    """Waits until that many records are committed."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while (bench.database.value("SELECT max(records_read) FROM ingest.files") or 0) < records:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("The load ended, or stood still, before it could be killed.")
        time.sleep(0.02)


PART = Part(
    "resume",
    "Resumed after a kill",
    """\
All processes of the loader are killed (SIGKILL) once nine tenths of the file are committed; then it is started
again. The time runs from the call of `load_file` to the commit of the first new batch, so it includes getting back
to the checkpoint. PostgreSQL itself counts the rows written twice: rows inserted, including those rolled back,
minus rows in the table.""",
    _measure,
)
