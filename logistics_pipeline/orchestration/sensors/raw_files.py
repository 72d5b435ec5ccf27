"""The file sensor: looks at the raw folder, registers files, adds partitions, requests runs.

What to do is decided by `load_plan`; this module asks Dagster and the ledger, and does it. Each look starts from
scratch: there is no run key to be lost, and a file that is mended or replaced is loaded by itself.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple
from pathlib import Path

import dagster as dg

from logistics_core.catalogue import DATASETS, Dataset
from logistics_core.database_contract.file_states import UNFINISHED_STATES
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.abandoned_files import fail_abandoned_file, fail_missing_file
from logistics_pipeline.orchestration.assets.raw import FOUND_BY_SENSOR
from logistics_pipeline.orchestration.jobs import LOAD_JOBS
from logistics_pipeline.orchestration.load_plan import Plan, Sighting, files_to_register, plan_loads, settled_files
from logistics_pipeline.orchestration.partitions import contiguous_ranges, files_of
from logistics_pipeline.orchestration.resources import Warehouse
from logistics_pipeline.orchestration.terminated_runs import RANGE_END, RANGE_START, leave_terminated_alone
from logistics_pipeline.sources.folder import FoundFile, path_of

SENSOR_NAME = "raw_files"
RUNS_PER_TICK = 20
REGISTRATIONS_PER_TICK = 2_000
"""Bounds that keep one look well within Dagster's time limit for sensors; what is left is taken by the next."""


def build_file_sensor(interval_seconds: int) -> dg.SensorDefinition:
    """Makes the sensor over the raw folder."""

    @dg.sensor(
        name=SENSOR_NAME,
        jobs=list(LOAD_JOBS.values()),
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Watches the raw folder: every new or changed file becomes a partition and is loaded.",
    )
    def raw_files(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.SensorResult | dg.SkipReason:
        found = list(warehouse.options.folder.find_files(_teller(context)))
        with warehouse.connect() as connection:
            registered = ledger.latest_files(connection)
            settled = _settled(context, found, registered, warehouse.settings.settle_seconds)
            _register(context, connection, settled, registered)
            looks = [_Look(context.instance, dataset, settled) for dataset in DATASETS.values()]
            plans, known = _plan(context, connection, warehouse, looks)
            wanted = {name: plan.load for name, plan in plans.items()}
            if any(wanted.values()):
                partitions = {look.dataset.name: look.partitions for look in looks}
                leave_terminated_alone(context.instance, connection, known, wanted, partitions)
                # Dagster puts a status together from several queries and can miss a run that begins in between: ask
                # twice.
                plans, known = _plan(context, connection, warehouse, looks)
                wanted = {name: keys & plans[name].load for name, keys in wanted.items()}
            _close_abandoned(connection, known, {file.key for file in found}, warehouse.settings.raw_dir)
            runs = [(look, keys) for look in looks for keys in look.runs(wanted[look.dataset.name], warehouse.settings)]
            runs = runs[:RUNS_PER_TICK]
            asked = {key for _, keys in runs for key in keys}
            _count_reports(connection, known, asked & {key for plan in plans.values() for key in plan.report})
        if not runs:
            return dg.SkipReason(f"{len(settled):,} files, nothing to load")
        return dg.SensorResult(run_requests=[_run_request(look.dataset, keys) for look, keys in runs])

    return raw_files


def _teller(context: dg.SensorEvaluationContext) -> Callable[[OSError], None]:
    def tell(error: OSError) -> None:
        context.log.warning(f"The folder {error.filename} cannot be read ({error.strerror}): its files are not seen")

    return tell


def _settled(
    context: dg.SensorEvaluationContext,
    found: list[FoundFile],
    known: Mapping[str, LedgerFile],
    settle_seconds: float,
) -> list[FoundFile]:
    """Files left alone long enough. The cursor holds nothing but what was seen of those with a time in the future."""
    before = {key: Sighting(*seen) for key, seen in json.loads(context.cursor or "{}").items()}
    settled, sightings = settled_files(found, known, time.time_ns(), settle_seconds, before)
    if sightings != before:
        context.update_cursor(json.dumps({key: astuple(seen) for key, seen in sightings.items()}))
    return settled


def _register(
    context: dg.SensorEvaluationContext,
    connection: Connection,
    settled: list[FoundFile],
    known: Mapping[str, LedgerFile],
) -> None:
    """Registers what is new in a fixed order, before any run: the order of loads must not matter."""
    new = ledger.in_registration_order(files_to_register(settled, known))
    for file in new[:REGISTRATIONS_PER_TICK]:
        ledger.register(connection, file)
        if file.dataset is None:
            why = "its path is too long" if file.is_too_long else "belongs to no dataset by its path"
            context.log.warning(f"{file.key}: {why}; it is not loaded")


class _Look:
    """The settled files of one dataset, and what Dagster knows of them."""

    def __init__(self, instance: dg.DagsterInstance, dataset: Dataset, settled: list[FoundFile]) -> None:
        self.dataset = dataset
        self.files = {file.key: file for file in settled if file.dataset == dataset.name}
        self._instance = instance
        self.partitions = _add_partitions(instance, dataset, self.files)

    def status(self) -> dict[str, str | None]:
        """Dagster's status of each partition."""
        asset = dg.AssetKey(["raw", self.dataset.name])
        found = self._instance.get_status_by_partition(asset, self.partitions, files_of(self.dataset)) or {}
        return {key: value.value if value else None for key, value in found.items()}

    def runs(self, wanted: Collection[str], settings: Settings) -> list[list[str]]:
        """The wanted files as one run after the other, bounded by count and by bytes."""
        return contiguous_ranges(
            wanted,
            self.partitions,
            {key: file.size_bytes for key, file in self.files.items()},
            most_files=settings.files_per_run,
            most_bytes=settings.bytes_per_run,
        )


def _add_partitions(instance: dg.DagsterInstance, dataset: Dataset, found: dict[str, FoundFile]) -> list[str]:
    """Adds what is new in one statement (a sensor's own way takes one per key); returns all, in order of insertion."""
    name = files_of(dataset).name
    assert name is not None
    known = instance.get_dynamic_partitions(name)
    seen = set(known)
    new = [file for key, file in found.items() if key not in seen]
    if not new:
        return list(known)
    instance.add_dynamic_partitions(name, [file.key for file in ledger.in_registration_order(new)])
    return list(instance.get_dynamic_partitions(name))


def _plan(
    context: dg.SensorEvaluationContext, connection: Connection, warehouse: Warehouse, looks: list[_Look]
) -> tuple[dict[str, Plan], dict[str, LedgerFile]]:
    """What to do about the files of each dataset, and the ledger's newest versions.

    Asks Dagster first and the ledger second: a load commits to the ledger before it reports to Dagster.
    """
    statuses = [look.status() for look in looks]
    known = ledger.latest_files(connection)
    plans = {}
    for look, status in zip(looks, statuses, strict=True):
        registered = [file for key, file in look.files.items() if key in known]
        plan = plan_loads(registered, known, status, load_attempts=warehouse.settings.load_attempts)
        for key in plan.give_up:
            error = (
                f"Its load died {known[key].attempts} times; see the runs of this partition. Materialise it to try "
                "again."
            )
            context.log.error(f"{key}: {error}")
            ledger.fail(connection, known[key].file_id, error)
        plans[look.dataset.name] = plan
    return plans, known


def _count_reports(connection: Connection, known: dict[str, LedgerFile], asked: set[str]) -> None:
    """Notes that runs were asked for only to report what is loaded: it is done so often and no more."""
    if asked:
        ledger.count_reports(connection, [known[key].file_id for key in asked])


def _run_request(dataset: Dataset, keys: list[str]) -> dg.RunRequest:
    return dg.RunRequest(
        job_name=LOAD_JOBS[dataset.name].name,
        tags={
            RANGE_START: keys[0],
            RANGE_END: keys[-1],
            FOUND_BY_SENSOR: str(len(keys)),
        },
    )


def _close_abandoned(connection: Connection, known: dict[str, LedgerFile], present: set[str], raw_dir: Path) -> None:
    """Closes accounts that no run will ever close: of files that are gone, and of those that only people load (from
    elsewhere, or hidden) and whose loader was killed."""
    for key, entry in known.items():
        if entry.state not in UNFINISHED_STATES or key in present:
            continue
        if key.startswith("/") or path_of(key, raw_dir).exists():
            fail_abandoned_file(connection, key)
        else:
            fail_missing_file(connection, key)
