"""Load runs that a person terminated before they had begun, or by killing their process: their files are failed.

A run that is terminated while it loads fails its unloaded files itself (`assets.raw`). One that was still queued never
runs, and one that is killed outright, as on a Celery worker, cannot: the file sensor does it for them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.abandoned_files import fail_terminated_file
from logistics_pipeline.orchestration.assets.raw import raw_key
from logistics_pipeline.orchestration.jobs import load_job_name

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
MAX_RUNS = 200


@dataclass(frozen=True)
class Termination:
    """The end of a run that would have loaded the partitions from `first` to `last` of a dataset."""

    run_id: str
    dataset: str
    first: str
    last: str
    at: datetime

    def ended_load_of(self, file: LedgerFile) -> bool:
        """Whether this run is the one that the file has been waiting for."""
        match file.state:
            case FileState.REGISTERED:
                return file.run_id is None and file.registered_at is not None and file.registered_at < self.at
            case FileState.LOADING:
                return file.run_id == self.run_id
            case _:
                return False

    def ended_retry_of(self, file: LedgerFile) -> bool:
        """Whether this run was to carry out a retry that somebody had requested."""
        return file.retry_requested_at is not None and file.retry_requested_at < self.at


def fail_files_of_terminated_runs(
    instance: dg.DagsterInstance,
    connection: Connection,
    known: Mapping[str, LedgerFile],
    wanted: Mapping[str, Collection[str]],
    partitions: Mapping[str, Sequence[str]],
) -> None:
    """Fails those of the wanted files whose run was terminated.

    `wanted` and `partitions` hold the keys of files by dataset, the latter in Dagster's order.
    """
    waiting = {name: [known[key] for key in keys if _is_waiting(known[key])] for name, keys in wanted.items()}
    since = min((_waiting_since(file) for files in waiting.values() for file in files), default=None)
    if since is None:
        return
    for termination in _terminations(instance, since, wanted):
        keys = _keys(termination, partitions[termination.dataset])
        for file in waiting[termination.dataset]:
            if file.path not in keys:
                continue
            if termination.ended_load_of(file):
                fail_terminated_file(connection, file.path, termination.run_id)
            elif termination.ended_retry_of(file):
                ledger.withdraw_retry(connection, file.file_id)


def _is_waiting(file: LedgerFile) -> bool:
    return file.state in UNFINISHED_STATES or file.retry_requested_at is not None


def _waiting_since(file: LedgerFile) -> datetime:
    assert file.registered_at is not None
    return file.retry_requested_at or file.registered_at


def _terminations(instance: dg.DagsterInstance, since: datetime, datasets: Collection[str]) -> Iterator[Termination]:
    cancelled = dg.RunsFilter(statuses=[dg.DagsterRunStatus.CANCELED], updated_after=since)
    for record in instance.get_run_records(cancelled, limit=MAX_RUNS):
        run, at = record.dagster_run, record.update_timestamp
        first, last = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
        partition = run.tags.get(PARTITION)
        for dataset in _loaded_datasets(run, datasets):
            if first is not None and last is not None:
                yield Termination(run.run_id, dataset, first, last, at)
            elif partition is not None:
                yield Termination(run.run_id, dataset, partition, partition, at)


def _loaded_datasets(run: dg.DagsterRun, datasets: Collection[str]) -> list[str]:
    """The datasets that a run loads, by its job or, if it is part of a backfill, by its assets."""
    by_job = [name for name in datasets if load_job_name(name) == run.job_name]
    by_asset = [name for name in datasets if raw_key(name) in (run.asset_selection or ())]
    return by_job or by_asset


def _keys(termination: Termination, partitions: Sequence[str]) -> set[str]:
    try:
        first, last = partitions.index(termination.first), partitions.index(termination.last)
    except ValueError:  # deleted since
        return set()
    return set(partitions[first : last + 1])
