"""Retention in Dagster's own storage: deletes old runs and partitions such that what Dagster shows stays the same.

Dagster deletes a run with all its events, and derives a partition's status from its newest events alone: one whose
events are gone counts as never materialised, and the file sensor would request its file again. So a run stays as long
as something that is shown today came from it. The ledger's side is in `database.housekeeping`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from sqlalchemy import Row, Select, delete, func, select

from logistics_core.catalogue import Catalogue
from logistics_pipeline.orchestration.load_plan import IN_PROGRESS
from logistics_pipeline.orchestration.partitions import partition_status, partitions_name

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
RUNS_PER_NIGHT = 20_000
PARTITIONS_PER_NIGHT = 5_000
"""Limits of one night's work; the next night takes what is left."""


@dataclass(frozen=True)
class RunCleanup:
    """What became of the runs that ended long ago."""

    deleted: int
    kept: int
    """Runs whose result, or failure, is what Dagster shows today."""


def delete_old_runs(instance: dg.DagsterInstance, catalogue: Catalogue, days: int) -> RunCleanup:
    """Deletes runs that ended more than `days` ago, with their events, check results and logs.

    Runs with the newest materialisation of a table or partition, the newest attempt at one, or the newest result of a
    check stay: see `runs_holding_state`.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    # Not in pages: the cursor of a page is the last run of the page before, which may be deleted by then.
    ended = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED, updated_before=before))
    holding = runs_holding_state(instance, catalogue)
    old = [run_id for run_id in reversed(ended) if run_id not in holding]  # the oldest first
    for run_id in old[:RUNS_PER_NIGHT]:
        _delete(instance, run_id)
    return RunCleanup(deleted=len(old[:RUNS_PER_NIGHT]), kept=len(ended) - len(old))


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    with _event_log(instance).index_connection() as connection:
        connection.execute(delete(AssetCheckExecutionsTable).where(AssetCheckExecutionsTable.c.run_id == run_id))
    instance.delete_run(run_id)


def runs_holding_state(instance: dg.DagsterInstance, catalogue: Catalogue) -> set[str]:
    """The runs that Dagster derives the status of a table, partition or check from.

    A partition is materialised by its newest materialisation, and failed by its newest attempt if that came later.
    """
    event_log = _event_log(instance)
    with event_log.index_connection() as connection:
        events = connection.execute(_newest_events()).all()
        checks = connection.execute(_newest_checks()).all() if event_log.supports_asset_checks else []
    live = {name: set(instance.get_dynamic_partitions(partitions_name(name))) for name in catalogue}
    return {row.run_id for row in events if _is_live(row, live)} | {row.run_id for row in checks}


def _newest_events() -> Select[tuple[str, str, str]]:
    """The run of the newest event of each kind, per asset and partition (NULL without one). An index covers it all."""
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
    """Whether the partition still exists; what has no partitions always does."""
    asset = dg.AssetKey.from_db_string(row.asset_key)
    if row.partition is None or asset is None or asset.path[:-1] != ["raw"] or asset.path[-1] not in live:
        return True
    return row.partition in live[asset.path[-1]]


def delete_old_partitions(
    instance: dg.DagsterInstance, catalogue: Catalogue, present: set[str], closed: set[str]
) -> int:
    """Deletes partitions of files that are not `present` in the raw folder and were `closed` long ago.

    The file's rows and its entry in the ledger stay. If the file returns, its partition is added again, and the loader
    finds that it had been loaded. Returns how many were deleted.
    """
    deleted = 0
    for name in catalogue:
        partitions = instance.get_dynamic_partitions(partitions_name(name))
        gone = [key for key in partitions if key in closed and key not in present][:PARTITIONS_PER_NIGHT]
        for key in _without_runs(instance, name, gone):
            instance.delete_dynamic_partition(partitions_name(name), key)
            deleted += 1
    return deleted


def _without_runs(instance: dg.DagsterInstance, dataset: str, keys: Sequence[str]) -> list[str]:
    """Those that no run is to load: a run whose partition is gone would fail."""
    status = partition_status(instance, dataset, keys)
    return [key for key in keys if status.get(key) != IN_PROGRESS]


def _event_log(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    """Dagster's own tables: its API cannot tell which runs made which partitions."""
    event_log = instance.event_log_storage
    assert isinstance(event_log, SqlEventLogStorage)
    return event_log
