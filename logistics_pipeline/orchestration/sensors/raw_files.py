"""The file sensor: finds files in the raw folder and at places, registers them, adds partitions and requests runs.

`load_plan` decides what to do; this module asks Dagster and the ledger, and does it. Each evaluation starts from
scratch: no run key can be lost, and a file that is corrected or replaced is loaded without further action.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import dagster as dg

from logistics_core.database_contract.file_states import DISMISSIBLE_STATES, UNFINISHED_STATES, FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.files.folder_changes import FolderChanges
from logistics_pipeline.files.looks import Look, Looks
from logistics_pipeline.files.places import WatchedPlaces, is_url
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.abandoned_files import fail_abandoned_file, fail_missing_file
from logistics_pipeline.orchestration.assets.raw import REQUESTED_BY_SENSOR
from logistics_pipeline.orchestration.jobs import load_job_name
from logistics_pipeline.orchestration.load_plan import (
    FutureFile,
    LoadPlan,
    SettledFiles,
    files_to_register,
    plan_loads,
    settled_files,
)
from logistics_pipeline.orchestration.partitions import add_partitions, contiguous_ranges, partition_status
from logistics_pipeline.orchestration.pools import load_pool
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.sensors.long_polling import Patience, minimum_interval
from logistics_pipeline.orchestration.terminated_runs import RANGE_END, RANGE_START, fail_files_of_terminated_runs

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

SENSOR_NAME = "raw_files"
RUNS_PER_TICK = 20
REGISTRATIONS_PER_TICK = 2_000
"""Limits that keep one evaluation well within Dagster's time limit for sensors; the next one takes what is left."""
REST_PER_LOOK = 4
"""An evaluation that goes on looking, because files go on changing, rests so many times as long as it has looked."""


def build_file_sensor(
    load_jobs: "Sequence[UnresolvedAssetJobDefinition]", interval_seconds: int, *, patience_seconds: float = 0.0
) -> dg.SensorDefinition:
    """Makes the sensor over the raw folder, which requests runs of these jobs.

    Args:
        patience_seconds: how long an evaluation waits for files to arrive or to settle where there is nothing to do.
    """
    looks = Looks()
    changes: dict[Path, FolderChanges] = {}  # made by the process that evaluates
    pools_with_limit: set[str] = set()  # asked for once per process: another one is started for new datasets

    @dg.sensor(
        name=SENSOR_NAME,
        jobs=load_jobs,
        minimum_interval_seconds=minimum_interval(interval_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Watches the raw folder and declared places: every new or changed file becomes a partition and is "
        "loaded.",
    )
    def raw_files(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.SensorResult | dg.SkipReason:
        if not pools_with_limit:
            pools_with_limit.update(_limit_new_pools(context.instance, database))
        patience = Patience.of(patience_seconds)
        in_folder = changes.setdefault(database.settings.raw_dir, FolderChanges(database.settings.raw_dir))
        while True:
            began = time.monotonic()
            with database.kept_connection() as connection:
                requests, settled = _look(context, connection, database, in_folder, looks)
            if requests:
                return dg.SensorResult(run_requests=requests)
            rest = (time.monotonic() - began) * REST_PER_LOOK
            if not is_news(in_folder, patience, settled.seconds_to_others, rest):
                return dg.SkipReason(f"{len(settled.files):,} files, nothing to load")

    return raw_files


def _look(
    context: dg.SensorEvaluationContext,
    connection: Connection,
    database: DatabaseResource,
    in_folder: FolderChanges,
    looks: Looks,
) -> tuple[list[dg.RunRequest], SettledFiles]:
    """One look at all files: brings the ledger up to date and returns the runs to request."""
    found = [*_find_files(context, database, in_folder), *_find_remote_files(context, connection, database, looks)]
    settled = _register_settled_files(context, connection, database, found)
    evaluation = _Evaluation(context, connection, database, settled.files)
    plans = evaluation.plan()
    present = {file.key for file in found}
    is_gone = partial(_is_gone, folder=database.folder, looks=looks)
    _fail_abandoned_files(connection, evaluation.known, present, is_gone)
    _dismiss_deleted_files(connection, evaluation.known, present, is_gone, database.settings)
    return evaluation.request_runs(plans), settled


def is_news(in_folder: FolderChanges, patience: Patience, seconds_to_others: float | None, rest: float) -> bool:
    """Waits until there is a reason to look again; False if there is none within the patience.

    Args:
        seconds_to_others: until the files that were written lately have settled, if there are any: they go together.
        rest: how long to wait at least.
    """
    began = time.monotonic()
    if seconds_to_others is None:
        if not patience.left or not in_folder.wait(patience.left):
            return False
        seconds_to_others = 0.0
    pause = max(seconds_to_others, began + rest - time.monotonic(), 0.0)
    if pause > patience.left:
        return False
    time.sleep(pause)
    return True


def _find_files(
    context: dg.SensorEvaluationContext, database: DatabaseResource, in_folder: FolderChanges
) -> list[FoundFile]:
    def log_unreadable_folder(error: OSError) -> None:
        context.log.warning(f"The folder {error.filename} cannot be read ({error.strerror}): its files are not seen")

    found = database.folder.find_files(log_unreadable_folder)
    return [replace(file, is_whole=True) if in_folder.was_renamed(file) else file for file in found]


def _find_remote_files(
    context: dg.SensorEvaluationContext, connection: Connection, database: DatabaseResource, looks: Looks
) -> Iterator[FoundFile]:
    """The files of the declared places, after a look at those that are due. One that fails hinders no other."""
    folder = database.folder
    looks.declare(folder.places, database.catalogue)
    ledger.forget_places(connection, (place.name for place in folder.places))
    if not folder.places:
        return
    for name in ledger.take_requested_looks(connection):
        looks.ask(name)
    for problem in looks.take_hints():
        context.log.warning(problem)
    worked = looks.go_on()
    for look in worked:
        if look.error is not None:
            context.log.warning(f"The place {look.place.name} cannot be looked at. {look.error}")
    ledger.note_looks(connection, map(_place_state, worked))
    for found in looks.files():
        yield from folder.with_nested(found)


def _place_state(look: Look) -> ledger.PlaceState:
    return ledger.PlaceState(
        look.place.name,
        look.place.root,
        None if look.ended_at is None else datetime.fromtimestamp(look.ended_at, UTC),
        look.seconds if look.ended_at is not None else None,
        None if look.files is None else len(look.files),
        look.seconds_to_next,
        look.error,
    )


def _register_settled_files(
    context: dg.SensorEvaluationContext, connection: Connection, database: DatabaseResource, found: list[FoundFile]
) -> SettledFiles:
    """Registers new files in a fixed order, before any run, so that the order of loads does not matter.

    The cursor holds only what was seen of future files.
    """
    known = ledger.latest_files(connection)
    before = {key: FutureFile(*seen) for key, seen in json.loads(context.cursor or "{}").items()}
    settled = settled_files(found, known, time.time_ns(), database.settings.settle_seconds, before)
    if settled.future != before:
        context.update_cursor(json.dumps({key: astuple(seen) for key, seen in settled.future.items()}))
    new = ledger.in_registration_order(files_to_register(settled.files, known))
    for file in new[:REGISTRATIONS_PER_TICK]:
        ledger.register(connection, file)
        if file.dataset is None:
            why = "its path is too long" if file.is_too_long else "its path names no dataset"
            context.log.warning(f"{file.key}: {why}; it is not loaded")
    return settled


@dataclass(frozen=True)
class _DatasetFiles:
    """The settled files of one dataset, by key, and its partitions in Dagster's order."""

    dataset: str
    files: dict[str, FoundFile]
    partitions: list[str]

    @classmethod
    def of(cls, instance: dg.DagsterInstance, dataset: str, settled: list[FoundFile]) -> Self:
        """Selects the files of the dataset and adds partitions for those that are new."""
        files = {file.key: file for file in settled if file.dataset == dataset}
        return cls(dataset, files, add_partitions(instance, dataset, files.values()))

    def ranges(self, wanted: Collection[str], settings: Settings) -> list[list[str]]:
        """The wanted files as one run after the other, limited by count and by bytes."""
        sizes = {key: file.size_bytes for key, file in self.files.items()}
        return contiguous_ranges(
            wanted, self.partitions, sizes, max_files=settings.files_per_run, max_bytes=settings.bytes_per_run
        )


class _Evaluation:
    """One evaluation of the sensor, from the settled files on."""

    def __init__(
        self,
        context: dg.SensorEvaluationContext,
        connection: Connection,
        database: DatabaseResource,
        settled: list[FoundFile],
    ) -> None:
        self.known: dict[str, LedgerFile] = {}
        """The newest version of each file, as the last plan found it in the ledger."""
        self._context = context
        self._connection = connection
        self._settings = database.settings
        self._datasets = [_DatasetFiles.of(context.instance, name, settled) for name in database.catalogue]

    def plan(self) -> dict[str, LoadPlan]:
        """What to do about the files of each dataset."""
        first = self._plan_once()
        wanted = {name: plan.load for name, plan in first.items()}
        if not any(wanted.values()):
            return first
        partitions = {each.dataset: each.partitions for each in self._datasets}
        fail_files_of_terminated_runs(self._context.instance, self._connection, self.known, wanted, partitions)
        # Dagster assembles a status from several queries and can miss a run that begins in between: plan twice.
        return {name: replace(plan, load=plan.load & wanted[name]) for name, plan in self._plan_once().items()}

    def _plan_once(self) -> dict[str, LoadPlan]:
        """Queries Dagster first and the ledger second: a load commits to the ledger before it reports to Dagster."""
        instance = self._context.instance
        statuses = [partition_status(instance, each.dataset, each.partitions) for each in self._datasets]
        self.known = ledger.latest_files(self._connection)
        plans = {
            each.dataset: plan_loads(
                [file for key, file in each.files.items() if key in self.known],
                self.known,
                status,
                load_attempts=self._settings.load_attempts,
            )
            for each, status in zip(self._datasets, statuses, strict=True)
        }
        for plan in plans.values():
            self._give_up(plan)
        return plans

    def _give_up(self, plan: LoadPlan) -> None:
        for key in plan.give_up:
            file = self.known[key]
            error = f"Its load died {file.attempts} times; see the runs of this partition. Materialise it to try again."
            self._context.log.error(f"{key}: {error}")
            ledger.fail(self._connection, file.file_id, error)

    def request_runs(self, plans: dict[str, LoadPlan]) -> list[dg.RunRequest]:
        """Requests runs of the planned loads; counts those that only report what is loaded, as they are limited."""
        runs = [
            (each.dataset, keys)
            for each in self._datasets
            for keys in each.ranges(plans[each.dataset].load, self._settings)
        ][:RUNS_PER_TICK]
        reports = [self.known[key].file_id for name, keys in runs for key in keys if key in plans[name].report]
        if reports:
            ledger.count_reports(self._connection, reports)
        return [_run_request(dataset, keys) for dataset, keys in runs]


def _limit_new_pools(instance: dg.DagsterInstance, database: DatabaseResource) -> set[str]:
    """Limits the loads of datasets added since Dagster was prepared: a default does not bind the first runs of a pool.

    Pools that have a limit keep it: somebody may have changed it. Returns the pools of loads.
    """
    limited = {pool.name for pool in instance.event_log_storage.get_pool_limits() if not pool.from_default}
    pools = {load_pool(dataset) for dataset in database.catalogue}
    for pool in pools - limited:
        instance.event_log_storage.set_concurrency_slots(pool, database.settings.parallel_loads)
    return pools


def _run_request(dataset: str, keys: list[str]) -> dg.RunRequest:
    return dg.RunRequest(
        job_name=load_job_name(dataset),
        tags={RANGE_START: keys[0], RANGE_END: keys[-1], REQUESTED_BY_SENSOR: str(len(keys))},
    )


IsGone = Callable[[str], bool | None]
"""Whether the file of a key that was not found is gone; None if that cannot be told now."""


def _is_gone(key: str, folder: WatchedPlaces, looks: Looks) -> bool | None:
    """See `IsGone`. A file that was not found may be hidden, or in a folder that cannot be read."""
    try:
        if not is_url(key):
            return not folder.path_of(key).exists()
        return None if not looks.knows(key) else not folder.exists(key)
    except (OSError, TransientError, PlaceError):
        return None


def _fail_abandoned_files(
    connection: Connection, known: dict[str, LedgerFile], present: set[str], is_gone: IsGone
) -> None:
    """Fails unfinished files that no run will ever load.

    These are gone, or only people load them (from elsewhere, or hidden) and their loader was killed.
    """
    for key, entry in known.items():
        if entry.state not in UNFINISHED_STATES or key in present:
            continue
        gone = False if key.startswith("/") else is_gone(key)
        if gone:
            fail_missing_file(connection, key)
        elif gone is False:
            fail_abandoned_file(connection, key)


def _dismiss_deleted_files(
    connection: Connection, known: dict[str, LedgerFile], present: set[str], is_gone: IsGone, settings: Settings
) -> None:
    """Dismisses failed and unrecognised files that were deleted: there is nothing left to act on.

    A failed file that returns is loaded, as `is_missing` tells; an unrecognised one is only shown again.
    """
    is_mounted = settings.raw_dir.is_dir()
    deleted = [
        entry.file_id
        for key, entry in known.items()
        if entry.state in DISMISSIBLE_STATES
        and entry.dismissed_at is None
        and (is_mounted or is_url(key))
        and _is_deleted(key, present, is_gone)
    ]
    returned = [
        entry.file_id
        for key, entry in known.items()
        if entry.state is FileState.UNRECOGNISED and entry.is_missing and key in present
    ]
    if deleted:
        ledger.dismiss_deleted(connection, deleted)
    if returned:
        ledger.end_dismissal(connection, returned)


def _is_deleted(key: str, present: set[str], is_gone: IsGone) -> bool:
    """Whether a file of the raw folder or of a place is gone, and not merely hidden or out of reach."""
    return not key.startswith("/") and key not in present and is_gone(key) is True
