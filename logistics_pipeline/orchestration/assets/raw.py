"""The raw tables: one asset per dataset, one partition per file, all made by `build_raw_asset`.

A run loads a range of files. Each file is committed and reported on its own, so in a run a bad file turns exactly its
own partition red: Dagster plans every partition of the range, and fails those not reported when the run fails.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

import dagster as dg

from logistics_core.catalogue import Dataset
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.analytics.quality import file_score
from logistics_pipeline.contracts.drift_proposals import follow_file
from logistics_pipeline.database.connections import connect, transient_errors
from logistics_pipeline.files.places import is_url
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.loading.abandoned_files import fail_missing_file, fail_terminated_file, fail_unreadable_file
from logistics_pipeline.loading.loader import Loader, LoadReport
from logistics_pipeline.orchestration.assets.metadata import column_schema, load_metadata
from logistics_pipeline.orchestration.partitions import file_partitions
from logistics_pipeline.orchestration.pools import load_pool
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import INTERRUPTIONS, TRANSIENT_RETRIES, only_transient_errors_retried

GROUP = "raw"
FILES_PER_BACKFILL_RUN = 500

COUNT_SECONDS = 1.0
"""How often, at most, a run that loads many files reports the rows of the whole table: each count adds up all files."""

REQUESTED_BY_SENSOR = "logistics/files"
"""Tag of the runs that the file sensor requests, and of no others."""


AfterLoad = Callable[[dg.AssetExecutionContext, DatabaseResource], None]


def raw_key(dataset: str) -> dg.AssetKey:
    """The asset of a dataset's raw table."""
    return dg.AssetKey(["raw", dataset])


def build_raw_asset(
    dataset: Dataset, pulled: Sequence[dg.AssetKey] = (), after_load: AfterLoad | None = None
) -> dg.AssetsDefinition:
    """Makes the asset of a dataset's raw table.

    Args:
        pulled: the resources of sources that bring files of it.
        after_load: what a run that the sensor requested does once it has loaded and reported all its files. It raises
            nothing: an error would be that of the load.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill_policy is beta in Dagster 1.13
        return _build(dataset, pulled, after_load)


def build_retired_asset(dataset: Dataset) -> dg.AssetSpec:
    """Makes the asset of a retired dataset: its runs, partitions and events stay readable, and nothing loads it."""
    return dg.AssetSpec(
        raw_key(dataset.name),
        description=f"{dataset.description}\n\nRetired: its files are not loaded any more. Its history stays.",
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:logistics"],
        tags={"retired": "true"},
        metadata={"dagster/column_schema": column_schema(dataset), "dagster/table_name": dataset.table},
        partitions_def=file_partitions(dataset.name),
    )


def _build(dataset: Dataset, pulled: Sequence[dg.AssetKey], after_load: AfterLoad | None) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(dataset.name),
        deps=list(pulled),
        description=_describe(dataset),
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:logistics"],
        metadata={"dagster/column_schema": column_schema(dataset), "dagster/table_name": dataset.table},
        partitions_def=file_partitions(dataset.name),
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=FILES_PER_BACKFILL_RUN),
        retry_policy=TRANSIENT_RETRIES,
        pool=load_pool(dataset.name),
        output_required=False,  # each file reports itself; without this Dagster would report the whole range again
    )
    def raw_table(context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource]) -> Iterator[Any]:
        keys = list(context.partition_keys)
        with (
            only_transient_errors_retried(),
            _unloaded_files_failed_if_terminated(context, database, keys),
            Loader(database.url, database.options, context.run.run_id) as loader,
        ):
            partitions = _PartitionLoader(context, loader, dataset, last=keys[-1])
            for key in keys:
                partitions.load(key)
        if partitions.failed:
            raise _failure(dataset, partitions.failed)
        if after_load is not None and REQUESTED_BY_SENSOR in context.run.tags:
            after_load(context, database)
        yield from ()

    return raw_table


def _describe(dataset: Dataset) -> str:
    key = " and ".join(f"`{name}`" for name in dataset.key)
    rows = f"One row per {key}, the record that was registered last." if key else "One row per record: it has no key."
    return (
        f"{dataset.description}\n\n{rows} One partition per file under the raw folder; loaded by COPY, exactly once. "
        "Re-materialising a failed one resumes its load."
    )


@contextmanager
def _unloaded_files_failed_if_terminated(
    context: dg.AssetExecutionContext, database: DatabaseResource, keys: Sequence[str]
) -> Iterator[None]:
    """Fails the files that a terminated run leaves unloaded; otherwise the sensor would request them again.

    A run that is interrupted because its machine shuts down leaves them as they are, to be requested again.
    """
    try:
        yield
    except INTERRUPTIONS:
        run = context.instance.get_run_by_id(context.run.run_id)
        if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
            # On a new connection, as the loader's may be in the middle of a statement.
            with transient_errors("recording that a run was terminated"), connect(database.url) as connection:
                for key in keys:
                    fail_terminated_file(connection, key, run.run_id)
        raise


class _PartitionLoader:
    """Loads the partitions of one run and reports each to Dagster. `failed` maps those not loaded to the reason."""

    def __init__(self, context: dg.AssetExecutionContext, loader: Loader, dataset: Dataset, *, last: str) -> None:
        self.failed: dict[str, str] = {}
        self._last = last
        self._counted_at = -inf
        self._context = context
        self._loader = loader
        self._dataset = dataset
        self._is_requested_by_person = REQUESTED_BY_SENSOR not in context.run.tags

    def load(self, key: str) -> None:
        """Loads one file."""
        folder = self._loader.options.folder
        try:
            with transient_errors(f"looking at {key}"):
                found = folder.look_at_key(key, self._dataset.name)
        except PlaceError as error:
            with transient_errors(f"recording that {key} cannot be read"):
                fail_unreadable_file(self._loader.connection, key, str(error), self._context.run.run_id)
            self._report_failure(key, str(error))
            return
        if found is None:
            with transient_errors(f"recording that {key} is missing"):
                fail_missing_file(self._loader.connection, key)
            path = key if is_url(key) else folder.path_of(key)
            self._report_failure(key, f"There is no file {path}: it was removed or renamed.")
            return
        report = self._loader.load(found, on_request=self._is_requested_by_person)
        if not report.was_loaded_before:
            self._follow(report, found.path)
        if report.is_loaded:
            self._report_load(key, report)
        elif report.file.state is FileState.UNLOADED:
            self._context.log.info(f"{key}: unloaded, and unchanged since. Materialise it to load it again.")
        else:
            self._report_failure(key, report.file.error or "It was not loaded.")

    def _follow(self, report: LoadReport, path: StoredFile) -> None:
        """Does what a file leads to that has changed since the contract was written, and says it in the run's log."""
        with transient_errors(f"comparing {report.file.path} with its contract"):
            for sentence in follow_file(self._loader.connection, report.file, path).sentences():
                self._context.log.warning(f"{report.file.path}: {sentence}")

    def _report_load(self, key: str, report: LoadReport) -> None:
        connection, file = self._loader.connection, report.file
        with transient_errors(f"reading the file status of {key}"):
            reasons = ledger.reject_summary(connection, file.file_id) if file.records_rejected else []
            rows = self._count_rows(key)
            score = file_score(connection, self._dataset, file.file_id)
        self._context.log_event(
            dg.AssetMaterialization(
                self._context.asset_key,
                partition=key,
                description="This content had been loaded before." if report.was_loaded_before else None,
                metadata=load_metadata(report, reasons, rows, score),
            )
        )

    def _count_rows(self, key: str) -> int | None:
        """The rows of the table; None if they were counted just before and are again in this run."""
        if key != self._last and time.monotonic() - self._counted_at < COUNT_SECONDS:
            return None
        rows = ledger.row_count(self._loader.connection, self._dataset.name)
        self._counted_at = time.monotonic()
        return rows

    def _report_failure(self, key: str, error: str) -> None:
        """Puts the reason where people look: on the partition's own page and in the run's log."""
        self.failed[key] = error
        self._context.log.error(f"{key}: {error}")
        self._context.log_event(
            dg.AssetObservation(self._context.asset_key, partition=key, description=error, metadata={"error": error})
        )


def _failure(dataset: Dataset, failed: dict[str, str]) -> dg.Failure:
    """A failure that is not retried: the files are at fault, and would be again."""
    first, error = next(iter(failed.items()))
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return dg.Failure(
        f"{dataset.name}: not loaded: {first}{more}: {error}",
        metadata={"failed_files": dg.MetadataValue.json(failed), "error": error},
        allow_retries=False,
    )
