"""What happens every night: housekeeping and the export, whose jobs are defined here too, and the pictures.

The work itself is in `database.housekeeping` (the ledger and the tables) and `run_retention` (Dagster's history).
"""

import dagster as dg

from logistics_core.places.reading import declared_places
from logistics_pipeline.database.connections import transient_errors
from logistics_pipeline.database.housekeeping import Retention, files_closed_long_ago, run_housekeeping
from logistics_pipeline.exports.backup import export_everything
from logistics_pipeline.exports.destinations import destination
from logistics_pipeline.exports.manifest import folder_name
from logistics_pipeline.files.looks import Looks
from logistics_pipeline.files.places import WatchedPlaces, is_url
from logistics_pipeline.orchestration.assets.pictures import pictures
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import NO_RUN_RETRIES, TRANSIENT_RETRIES, only_transient_errors_retried
from logistics_pipeline.orchestration.run_retention import delete_old_partitions, delete_old_runs
from logistics_pipeline.sources.pulls.retention import prune

_LOOK_SECONDS = 600.0
"""Time for the nightly look at all places."""


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
            "fits_thinned": done.fits_thinned,
            "events_deleted": done.events_deleted,
            "sessions_deleted": done.sessions_deleted,
            "predictions_deleted": done.predictions_deleted,
            "executions_summed_up": done.executions_summed_up,
            "audit_entries_deleted": done.audit_entries_deleted,
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
    folder = database.folder
    present = {file.key for file in folder.find_files()}
    if not present:
        context.log.warning(
            f"{database.settings.raw_dir} holds no file: no partition is deleted, as the folder may be unmounted."
        )
        return 0
    with database.connect() as connection:
        closed = files_closed_long_ago(connection, database.settings.keep_partitions_days)
    present |= _present_at_places(folder, {key for key in closed if is_url(key)})
    return delete_old_partitions(context.instance, database.catalogue, present, closed)


def _present_at_places(folder: WatchedPlaces, keys: set[str]) -> set[str]:
    """Those of these files that are at their places, or of which that cannot be told now."""
    looks = Looks()
    looks.declare(folder.places, folder.catalogue)
    looks.go_on(_LOOK_SECONDS)
    found = {each.key for file in looks.files() for each in folder.with_nested(file)}
    return {key for key in keys if key in found or not looks.knows(key)}


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


@dg.op(retry_policy=TRANSIENT_RETRIES, description="Exports everything that a restored database needs.")
def export_all(context: dg.OpExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> None:
    """Exports to where `LOGISTICS_EXPORT_TO` says; does nothing if it is not set."""
    settings = database.settings
    if settings.export_to is None:
        context.log.info("LOGISTICS_EXPORT_TO is not set: nothing is exported.")
        return
    with only_transient_errors_retried():
        with database.connect() as connection:
            folder = folder_name(connection)
        to = destination(settings.export_to, declared_places(settings.sources_dir), folder)
        manifest = export_everything(database.url, to)
    context.add_output_metadata(
        {
            "url": to.url,
            "files": len(manifest.files),
            "rows": sum(file.rows for file in manifest.files),
            "bytes": sum(file.size_bytes for file in manifest.files),
            "data_version": manifest.data_version,
        }
    )


@dg.job(
    description="Exports everything to where LOGISTICS_EXPORT_TO says.",
    executor_def=dg.in_process_executor,
    tags=NO_RUN_RETRIES,  # the next night makes another one
)
def nightly_export() -> None:
    """One export a night, each in a folder of its own."""
    export_all()


NIGHTLY_EXPORT = dg.ScheduleDefinition(
    name="nightly_export",
    job=nightly_export,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="An export of everything, if LOGISTICS_EXPORT_TO is set.",
)

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
