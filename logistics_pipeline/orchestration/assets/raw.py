"""The raw tables: one asset per dataset, one partition per file, made by one factory.

A run takes a range of files. Each file is committed and reported by itself, so in one run a bad file turns exactly its
own partition red: Dagster plans every partition of the range and fails those not reported when the run fails.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from logistics_core.catalogue import DATASETS, Dataset
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import connect, transient_errors
from logistics_pipeline.loading.abandoned_files import fail_missing_file, fail_terminated_file
from logistics_pipeline.loading.loader import Loader, LoadReport
from logistics_pipeline.orchestration.assets.metadata import column_schema, load_metadata
from logistics_pipeline.orchestration.partitions import files_of
from logistics_pipeline.orchestration.resources import Warehouse
from logistics_pipeline.orchestration.retries import INTERRUPTIONS, TRANSIENT_RETRIES, only_transient_errors_retried

GROUP = "raw"
FILES_PER_BACKFILL_RUN = 500

FOUND_BY_SENSOR = "logistics/files"
"""Tag of the runs that the file sensor requests; nobody else's have it."""


def build_raw_asset(dataset: Dataset) -> dg.AssetsDefinition:
    """Makes the asset of a dataset's raw table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill_policy is beta in Dagster 1.13
        return _build(dataset)


def _build(dataset: Dataset) -> dg.AssetsDefinition:
    @dg.asset(
        key=["raw", dataset.name],
        description=_describe(dataset),
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:logistics"],
        metadata={"dagster/column_schema": column_schema(dataset), "dagster/table_name": dataset.table},
        partitions_def=files_of(dataset),
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=FILES_PER_BACKFILL_RUN),
        retry_policy=TRANSIENT_RETRIES,
        pool=f"load_{dataset.name}",
        output_required=False,  # each file reports itself; without this Dagster would report the range once more
    )
    def raw_table(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> Iterator[Any]:
        failed = {}
        keys = list(context.partition_keys)
        with (
            only_transient_errors_retried(),
            _closing_accounts_if_terminated(context, warehouse, keys),
            Loader(warehouse.url, warehouse.options, context.run.run_id) as loader,
        ):
            for key in keys:
                error = _load_partition(context, loader, dataset, key)
                if error is not None:
                    failed[key] = error
        if failed:
            raise _failure(dataset, failed)
        yield from ()

    return raw_table


def _describe(dataset: Dataset) -> str:
    return (
        f"{dataset.description}\n\nOne row per `{dataset.key}`, the record that was registered last. One partition per "
        f"file under the raw folder; loaded by COPY, exactly once. Re-materialising a failed one resumes its load."
    )


@contextmanager
def _closing_accounts_if_terminated(
    context: dg.AssetExecutionContext, warehouse: Warehouse, keys: Sequence[str]
) -> Iterator[None]:
    """Fails the files that a person's terminating the run leaves unloaded: else the sensor would ask for them again.

    A run that is interrupted because its machine shuts down leaves them as they are, to be asked for.
    """
    try:
        yield
    except INTERRUPTIONS:
        run = context.instance.get_run_by_id(context.run.run_id)
        if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
            # A connection of its own: the loader's may be amid a statement.
            with transient_errors("closing the accounts of a terminated run"), connect(warehouse.url) as connection:
                for key in keys:
                    fail_terminated_file(connection, key, run.run_id)
        raise


def _load_partition(context: dg.AssetExecutionContext, loader: Loader, dataset: Dataset, key: str) -> str | None:
    """Loads one file and reports it to Dagster. Returns why the file failed, or None."""
    folder = loader.options.folder
    path = folder.path_of(key)
    found = folder.look_at(path, dataset.name)
    if found is None:
        with transient_errors(f"closing the account of {key}"):
            fail_missing_file(loader.connection, key)
        return _report_failure(context, key, f"There is no file {path}: it was removed or renamed.")
    report = loader.load(found, on_request=FOUND_BY_SENSOR not in context.run.tags)
    if report.file.state is FileState.UNLOADED:
        context.log.info(f"{key}: it was unloaded, and has not changed since: materialise it to load it again.")
        return None
    if not report.is_loaded:
        return _report_failure(context, key, report.file.error or "It was not loaded.")
    _report_load(context, loader, dataset, key, report)
    return None


def _report_load(
    context: dg.AssetExecutionContext, loader: Loader, dataset: Dataset, key: str, report: LoadReport
) -> None:
    with transient_errors(f"reading the account of {key}"):
        reasons = ledger.reject_summary(loader.connection, report.file.file_id) if report.file.records_rejected else []
        rows = ledger.row_count(loader.connection, dataset.name)
    context.log_event(
        dg.AssetMaterialization(
            context.asset_key,
            partition=key,
            description="This content had been loaded before." if report.was_loaded_before else None,
            metadata=load_metadata(report, reasons, rows),
        )
    )


def _report_failure(context: dg.AssetExecutionContext, key: str, error: str) -> str:
    """Puts the reason where people look: the partition's own page and the run's log."""
    context.log.error(f"{key}: {error}")
    context.log_event(
        dg.AssetObservation(context.asset_key, partition=key, description=error, metadata={"error": error})
    )
    return error


def _failure(dataset: Dataset, failed: dict[str, str]) -> dg.Failure:
    """A failure that is not retried: the files are at fault, not the moment."""
    first, error = next(iter(failed.items()))
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return dg.Failure(
        f"{dataset.name}: not loaded: {first}{more}: {error}",
        metadata={"failed_files": dg.MetadataValue.json(failed), "error": error},
        allow_retries=False,
    )


RAW_ASSETS = [build_raw_asset(dataset) for dataset in DATASETS.values()]
