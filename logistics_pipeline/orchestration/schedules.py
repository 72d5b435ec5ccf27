"""What happens every night: housekeeping, whose job is defined here too, and the pictures.

The work itself is in `database.housekeeping` (the ledger and the tables) and `run_retention` (Dagster's history).
"""

import dagster as dg

from logistics_pipeline.database.connections import transient_errors
from logistics_pipeline.database.housekeeping import Retention, files_closed_long_ago, run_housekeeping
from logistics_pipeline.orchestration.assets.pictures import pictures
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import NO_RUN_RETRIES, TRANSIENT_RETRIES, only_transient_errors_retried
from logistics_pipeline.orchestration.run_retention import delete_old_partitions, delete_old_runs
from logistics_pipeline.sources.retention import prune


@dg.op(retry_policy=TRANSIENT_RETRIES, description="Compacts the ledger of batches, and vacuums tables that need it.")
def keep_database(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Housekeeping in PostgreSQL."""
    with only_transient_errors_retried():
        done = run_housekeeping(database.url, Retention.of(database.settings))
    context.add_output_metadata(
        {
            "batches_removed": done.batches_removed,
            "resolved_rejects_deleted": done.rejects_deleted,
            "file_requests_deleted": done.requests_deleted,
            "vacuumed": ", ".join(done.vacuumed),
            "seconds": round(done.seconds, 3),
        }
    )


@dg.op(retry_policy=TRANSIENT_RETRIES, description="Deletes pulls of sources that ended long ago, with their pages.")
def clear_archive(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Housekeeping in the archive of sources; nothing without the setting that says how long pulls are kept."""
    settings = database.settings
    if settings.keep_pulls_days is None:
        return
    with (
        only_transient_errors_retried(),
        transient_errors("deleting old pulls"),
        database.connect() as connection,
    ):
        done = prune(connection, settings.archive_dir, database.sources, settings.keep_pulls_days)
    context.add_output_metadata({"pulls_deleted": done.pulls, "pages_deleted": done.pages})


@dg.op(retry_policy=TRANSIENT_RETRIES, description="Deletes partitions of files long gone, then old runs.")
def clear_history(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Housekeeping in Dagster. Partitions first: runs that were kept for their sake can go then."""
    settings = database.settings
    with only_transient_errors_retried():
        partitions = _delete_old_partitions(context, database)
        runs = delete_old_runs(context.instance, database.catalogue, settings.keep_runs_days)
    context.add_output_metadata(
        {"partitions_forgotten": partitions, "runs_deleted": runs.deleted, "old_runs_kept": runs.kept}
    )


def _delete_old_partitions(context: dg.OpExecutionContext, database: DatabaseResource) -> int:
    present = {file.key for file in database.folder.find_files()}
    if not present:
        context.log.warning(
            f"{database.settings.raw_dir} holds no file: no partition is deleted, as the folder may be unmounted."
        )
        return 0
    with database.connect() as connection:
        closed = files_closed_long_ago(connection, database.settings.keep_partitions_days)
    return delete_old_partitions(context.instance, database.catalogue, present, closed)


@dg.job(
    description="Deletes what would only grow: old runs, partitions of files long gone, the ledger's old batches, and "
    "old pulls if a setting says so.",
    executor_def=dg.in_process_executor,
    tags=NO_RUN_RETRIES,  # the next night does what this one could not
)
def housekeeping() -> None:
    """The ops are independent: if one fails, the others still run."""
    keep_database()
    clear_archive()
    clear_history()


NIGHTLY_HOUSEKEEPING = dg.ScheduleDefinition(
    name="nightly_housekeeping",
    job=housekeeping,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Housekeeping, at a quiet hour.",
)

NIGHTLY_PICTURES = dg.ScheduleDefinition(
    name="nightly_pictures",
    target=dg.AssetSelection.assets(pictures),
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Charts of the newest days, in the metadata of analytics/pictures.",
)
