"""What happens by the clock, every night: housekeeping, whose job stands here too, and the pictures.

What it does stands in `housekeeping` (the ledger and the tables) and `run_retention` (Dagster's runs and partitions).
"""

import dagster as dg

from logistics_pipeline.database.housekeeping import Retention, files_closed_long_ago, keep_house
from logistics_pipeline.orchestration.assets.pictures import pictures
from logistics_pipeline.orchestration.resources import Warehouse
from logistics_pipeline.orchestration.retries import NO_RUN_RETRIES, TRANSIENT_RETRIES, only_transient_errors_retried
from logistics_pipeline.orchestration.run_retention import delete_old_runs, forget_partitions


@dg.op(retry_policy=TRANSIENT_RETRIES, description="Compacts the ledger of batches, and vacuums where it is due.")
def keep_database(context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
    """PostgreSQL's side."""
    with only_transient_errors_retried():
        done = keep_house(warehouse.url, Retention.of(warehouse.settings))
    context.add_output_metadata(
        {
            "batches_removed": done.batches_removed,
            "resolved_rejects_deleted": done.rejects_deleted,
            "vacuumed": ", ".join(done.vacuumed),
            "seconds": round(done.seconds, 3),
        }
    )


@dg.op(retry_policy=TRANSIENT_RETRIES, description="Forgets partitions of files long gone, then deletes old runs.")
def clear_history(context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
    """Dagster's side. Partitions first: what only they held on to can go with the runs."""
    settings = warehouse.settings
    with only_transient_errors_retried():
        forgotten = _forget_gone_files(context, warehouse)
        runs = delete_old_runs(context.instance, settings.keep_runs_days)
    context.add_output_metadata(
        {"partitions_forgotten": forgotten, "runs_deleted": runs.deleted, "old_runs_kept": runs.kept}
    )


def _forget_gone_files(context: dg.OpExecutionContext, warehouse: Warehouse) -> int:
    present = {file.key for file in warehouse.options.folder.find_files()}
    if not present:
        context.log.warning(
            f"{warehouse.settings.raw_dir} holds no file at all. Partitions are left alone: perhaps the folder is not "
            "mounted here."
        )
        return 0
    with warehouse.connect() as connection:
        closed = files_closed_long_ago(connection, warehouse.settings.keep_partitions_days)
    return forget_partitions(context.instance, present, closed)


@dg.job(
    description="Clears away what only ever grows: old runs, partitions of files long gone, the ledger's old batches.",
    executor_def=dg.in_process_executor,
    tags=NO_RUN_RETRIES,  # the next night does what this one did not
)
def housekeeping() -> None:
    """The two sides know nothing of each other: one failing does not keep the other from its work."""
    keep_database()
    clear_history()


NIGHTLY_HOUSEKEEPING = dg.ScheduleDefinition(
    name="nightly_housekeeping",
    job=housekeeping,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Housekeeping, when least is going on.",
)

NIGHTLY_PICTURES = dg.ScheduleDefinition(
    name="nightly_pictures",
    target=dg.AssetSelection.assets(pictures),
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Charts of the newest days, in the metadata of analytics/pictures.",
)
