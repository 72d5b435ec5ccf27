"""Load runs that a person terminated before they had begun, or with their process: their files are left alone.

A run that is terminated while it loads closes the accounts of its files itself (`assets.raw`). One that was still
queued never runs, and one that is killed at once, as on a Celery worker, cannot: the file sensor does it for them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.abandoned_files import fail_terminated_file
from logistics_pipeline.orchestration.jobs import LOAD_JOBS

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
MOST_RUNS = 200


@dataclass(frozen=True)
class Termination:
    """The end of a run that would have loaded the partitions from `first` to `last` of a dataset."""

    run_id: str
    dataset: str
    first: str
    last: str
    at: datetime

    def leaves_alone(self, file: LedgerFile) -> bool:
        """Whether this is what became of the load that the file waits for."""
        match file.state:
            case FileState.REGISTERED:
                return file.run_id is None and file.registered_at is not None and file.registered_at < self.at
            case FileState.LOADING:
                return file.run_id == self.run_id
            case _:
                return False

    def withdraws(self, file: LedgerFile) -> bool:
        """Whether somebody had asked for the load that this ended."""
        return file.retry_requested_at is not None and file.retry_requested_at < self.at


def leave_terminated_alone(
    instance: dg.DagsterInstance,
    connection: Connection,
    known: Mapping[str, LedgerFile],
    wanted: Mapping[str, Iterable[str]],
    partitions: Mapping[str, Sequence[str]],
) -> None:
    """Closes the accounts of those wanted files whose run was terminated.

    `wanted` and `partitions` are keys of files by dataset, the latter in Dagster's order.
    """
    waiting = {name: [known[key] for key in keys if _waits(known[key])] for name, keys in wanted.items()}
    since = min((_since(file) for files in waiting.values() for file in files), default=None)
    if since is None:
        return
    for termination in _terminations(instance, since):
        keys = _keys(termination, partitions[termination.dataset])
        for file in waiting[termination.dataset]:
            if file.path not in keys:
                continue
            if termination.leaves_alone(file):
                fail_terminated_file(connection, file.path, termination.run_id)
            elif termination.withdraws(file):
                ledger.withdraw_retry(connection, file.file_id)


def _waits(file: LedgerFile) -> bool:
    return file.state in UNFINISHED_STATES or file.retry_requested_at is not None


def _since(file: LedgerFile) -> datetime:
    assert file.registered_at is not None
    return file.retry_requested_at or file.registered_at


def _terminations(instance: dg.DagsterInstance, since: datetime) -> Iterator[Termination]:
    cancelled = dg.RunsFilter(statuses=[dg.DagsterRunStatus.CANCELED], updated_after=since)
    for record in instance.get_run_records(cancelled, limit=MOST_RUNS):
        run, at = record.dagster_run, record.update_timestamp
        first, last = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
        partition = run.tags.get(PARTITION)
        for dataset in _datasets(run):
            if first is not None and last is not None:
                yield Termination(run.run_id, dataset, first, last, at)
            elif partition is not None:
                yield Termination(run.run_id, dataset, partition, partition, at)


def _datasets(run: dg.DagsterRun) -> list[str]:
    """Those that a run loads: by its job, or by its assets where it is part of a backfill."""
    by_job = [name for name, job in LOAD_JOBS.items() if job.name == run.job_name]
    by_asset = [name for name in LOAD_JOBS if dg.AssetKey(["raw", name]) in (run.asset_selection or ())]
    return by_job or by_asset


def _keys(termination: Termination, partitions: Sequence[str]) -> set[str]:
    try:
        first, last = partitions.index(termination.first), partitions.index(termination.last)
    except ValueError:  # forgotten since
        return set()
    return set(partitions[first : last + 1])
