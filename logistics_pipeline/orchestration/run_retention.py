"""Retention in Dagster's own storage: which old runs and partitions may go, so that what is shown stays as it is.

Dagster deletes a run with all its events, and shows a partition by its newest events alone: one whose events are gone
counts as never materialised, and the file sensor would ask for its file again. So a run stays as long as something that
is shown today came from it. The ledger's side is in `housekeeping`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from sqlalchemy import Row, Select, delete, func, select

from logistics_core.catalogue import DATASETS
from logistics_pipeline.orchestration.load_plan import IN_PROGRESS
from logistics_pipeline.orchestration.partitions import FILES

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
RUNS_PER_NIGHT = 20_000
PARTITIONS_PER_NIGHT = 5_000
"""Bounds of one night's work; what is left is taken by the next."""


@dataclass(frozen=True)
class ClearedRuns:
    """What became of the runs that ended long ago."""

    deleted: int
    kept: int
    """What they made, or failed to make, is what is shown today."""


def delete_old_runs(instance: dg.DagsterInstance, days: int) -> ClearedRuns:
    """Deletes runs that ended more than `days` ago, with their events, check results and what they printed.

    Not those that hold the newest materialisation of a table or partition, the newest attempt at one, or the newest
    result of a check: see `runs_holding_state`.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    # All at once: a page's cursor is the last run of the page before, and that may be deleted by then.
    ended = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED, updated_before=before))
    holding = runs_holding_state(instance)
    old = [run_id for run_id in reversed(ended) if run_id not in holding]  # the oldest first
    for run_id in old[:RUNS_PER_NIGHT]:
        _delete(instance, run_id)
    return ClearedRuns(deleted=len(old[:RUNS_PER_NIGHT]), kept=len(ended) - len(old))


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    with _event_log(instance).index_connection() as connection:
        connection.execute(delete(AssetCheckExecutionsTable).where(AssetCheckExecutionsTable.c.run_id == run_id))
    instance.delete_run(run_id)


def runs_holding_state(instance: dg.DagsterInstance) -> set[str]:
    """The runs without which something would be shown otherwise: the status of a table, partition or check.

    A partition is materialised by its newest materialisation, and failed by its newest attempt if that came later.
    """
    event_log = _event_log(instance)
    with event_log.index_connection() as connection:
        events = connection.execute(_newest_events()).all()
        checks = connection.execute(_newest_checks()).all() if event_log.supports_asset_checks else []
    live = {name: set(instance.get_dynamic_partitions(_partitions_name(name))) for name in DATASETS}
    return {row.run_id for row in events if _is_live(row, live)} | {row.run_id for row in checks}


def _newest_events() -> Select[tuple[str, str, str]]:
    """Run of the newest event of each kind, per asset and partition (NULL where it has none). One index has it all."""
    table = SqlEventLogStorageTable.c
    kinds = [dg.DagsterEventType.ASSET_MATERIALIZATION.value, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value]
    newest = (
        select(func.max(table.id))
        .where(table.asset_key.is_not(None), table.dagster_event_type.in_(kinds))
        .group_by(table.asset_key, table.dagster_event_type, table.partition)
    )
    return select(table.asset_key, table.partition, table.run_id).where(table.id.in_(newest))


def _newest_checks() -> Select[tuple[str]]:
    table = AssetCheckExecutionsTable.c
    newest = select(func.max(table.id)).group_by(table.asset_key, table.check_name)
    return select(table.run_id).where(table.id.in_(newest))


def _is_live(row: Row[tuple[str, str, str]], live: dict[str, set[str]]) -> bool:
    """Whether the partition still exists; what has none always does."""
    asset = dg.AssetKey.from_db_string(row.asset_key)
    if row.partition is None or asset is None or asset.path[:-1] != ["raw"] or asset.path[-1] not in live:
        return True
    return row.partition in live[asset.path[-1]]


def forget_partitions(instance: dg.DagsterInstance, present: set[str], closed: set[str]) -> int:
    """Forgets partitions of files that are not `present` in the raw folder and whose account is `closed` since long.

    The file's rows and its entry in the ledger stay. If the file comes back, its partition is added again, and the
    loader finds that it had been loaded. Returns how many were forgotten.
    """
    forgotten = 0
    for name in DATASETS:
        partitions = instance.get_dynamic_partitions(_partitions_name(name))
        gone = [key for key in partitions if key in closed and key not in present][:PARTITIONS_PER_NIGHT]
        for key in _at_rest(instance, name, gone):
            instance.delete_dynamic_partition(_partitions_name(name), key)
            forgotten += 1
    return forgotten


def _at_rest(instance: dg.DagsterInstance, name: str, keys: Sequence[str]) -> Iterable[str]:
    """Those that no run is asked for: a run whose partition is gone would fail."""
    status = instance.get_status_by_partition(dg.AssetKey(["raw", name]), keys, FILES[name]) or {} if keys else {}
    return [key for key in keys if (found := status.get(key)) is None or found.value != IN_PROGRESS]


def _partitions_name(dataset: str) -> str:
    name = FILES[dataset].name
    assert name is not None
    return name


def _event_log(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    """Dagster's own tables: it has no question such as "which runs made these partitions?"."""
    event_log = instance.event_log_storage
    assert isinstance(event_log, SqlEventLogStorage)
    return event_log
