"""What Dagster adds: many small files through the whole system, a look of the sensor, how soon figures are there."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import dagster as dg
import httpx2

from bench.comparing import spread
from bench.datasets import VEHICLE_LOGS
from bench.part import Bench, Part
from bench.processes import family_cpu_seconds
from bench.results import Column, Findings, Table, Target
from bench.samples import make_sample, split_sample
from logistics_core.database_contract.file_states import FileState
from logistics_core.resource_files import RESOURCES
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.local.environment import Environment, open_environment
from logistics_pipeline.local.supervisor import free_port, prepare_dagster, running_system, web_urls
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.orchestration.partitions import partitions_name
from logistics_pipeline.orchestration.sensors.long_polling import DAEMON_SECONDS

WANTED_MS = 50
WANTED_LOOK_SECONDS = 2
WANTED_MEDIAN_SECONDS, WANTED_LATENCY_SECONDS, WANTED_RENAMED_SECONDS = 6, 9, 4
_FILES, _RECORDS = 1_000, 100
_KNOWN = 10_000
_LATENCIES = 10
_PAUSE_SECONDS = 6.0
"""After each of those files, for everything to be idle again; each pause is a bit longer, so that files arrive at any
moment between two looks of Dagster's daemon, which are five seconds apart."""
_TICKS = 5

_MARK_AS_LOADED = f"""
    UPDATE ingest.files
    SET state = '{FileState.LOADED}', started_at = now(), finished_at = now(), content_hash = file_id::text
    WHERE state = '{FileState.REGISTERED}'
"""


def _measure(bench: Bench) -> Findings:
    own = {
        "LOGISTICS_DATA_DIR": str(bench.folder / "installation"),
        "LOGISTICS_API_PORT": str(free_port()),
        "LOGISTICS_DAGSTER_PORT": str(free_port()),
    }
    with (
        _variables(own),
        open_environment(Settings(_env_file=None)) as environment,
        connect(environment.database_url) as connection,
    ):
        with running_system(environment, bench.say):
            system = _System(bench, environment, connection)
            system.wait(system.is_refreshed, "the first refresh")
            written = system.latencies("written", system.write)
            renamed = system.latencies("renamed", system.rename_into_place)
            many = system.many_files()
        tick = _tick(bench, environment, connection)
    files, wall_ms, cpu_ms, runs, refreshes = many
    of_written, of_renamed, look = spread(written), spread(renamed), median(tick.seconds)
    return Findings(
        [
            Table(
                f"{_FILES:,} files of {_RECORDS} records, dropped at once",
                [
                    Column("files", "count"),
                    Column("load runs", "count"),
                    Column("refreshes", "count"),
                    Column("ms per file, all loaded", "ms"),
                    Column("CPU ms per file, all processes", "ms"),
                ],
                [[files, runs, refreshes, wall_ms, cpu_ms]],
            ),
            Table(
                "One look of the file sensor with nothing to do",
                [Column("files known", "count"), Column("looks", "count"), Column("CPU s", "seconds")],
                [[tick.files, len(tick.seconds), look]],
            ),
            Table(
                "From a file in place to its figures on the API, everything idle, default settings",
                [
                    Column("", "text"),
                    Column("files", "count"),
                    Column("median, s", "seconds"),
                    Column("from–to", "text"),
                ],
                [
                    ["written in place", len(written), of_written.median, str(of_written)],
                    ["renamed into place", len(renamed), of_renamed.median, str(of_renamed)],
                ],
            ),
        ],
        [
            Target(f"{files:,} files of {_RECORDS} records: per file", "ms", "at most", WANTED_MS, wall_ms),
            Target(f"a look at {tick.files:,} known files: CPU", "seconds", "at most", WANTED_LOOK_SECONDS, look),
            Target(
                "written file to its figures, median", "seconds", "at most", WANTED_MEDIAN_SECONDS, of_written.median
            ),
            Target(
                "written file to its figures, at worst",
                "seconds",
                "at most",
                WANTED_LATENCY_SECONDS,
                of_written.highest,
            ),
            Target(
                "renamed file to its figures, at worst",
                "seconds",
                "at most",
                WANTED_RENAMED_SECONDS,
                of_renamed.highest,
            ),
        ],
    )


class _System:
    """A whole system that runs, seen from outside."""

    def __init__(self, bench: Bench, environment: Environment, connection: Connection) -> None:
        self._bench = bench
        self._settings = environment.settings
        self._connection = connection
        self._api = web_urls(environment.settings)[1]
        self._postmaster = int((self._settings.postgres_dir / "postmaster.pid").read_text().splitlines()[0])

    def latencies(self, what: str, drop: Callable[[Path, bytes], None]) -> list[float]:
        """Seconds from a file in place to an answer of the API that knows it, one after the other."""
        found: list[float] = []
        for number in range(_LATENCIES):
            time.sleep(_PAUSE_SECONDS + number * DAEMON_SECONDS / _LATENCIES)
            vehicle = f"{what} {number}"
            record = {"log_id": vehicle, "vehicle_id": vehicle, "trip_date": f"2024-05-{number + 1:02}", "mileage": 100}
            path = self._settings.raw_dir / VEHICLE_LOGS.name / f"{vehicle}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            since = time.perf_counter()
            drop(path, json.dumps([record]).encode())
            self.wait(partial(self._has_figures, vehicle), "the figures of a single file")
            found.append(time.perf_counter() - since)
            self._bench.say(f"a {what} file's figures after {found[-1]:.1f} s")
        return found

    @staticmethod
    def write(path: Path, content: bytes) -> None:
        """As a copy does."""
        path.write_bytes(content)

    @staticmethod
    def rename_into_place(path: Path, content: bytes) -> None:
        """As uploads and transfer programs do."""
        unfinished = path.with_name(f".{path.name}.tmp")
        unfinished.write_bytes(content)
        unfinished.rename(path)

    def many_files(self) -> tuple[int, float, float, int, int]:
        """Files, then per file: wall and CPU milliseconds until all are loaded; runs and refreshes it took."""
        files = max(20, round(_FILES * self._bench.scale))
        self._bench.say(f"{files:,} files of {_RECORDS} records")
        sample = make_sample(self._bench.folder, VEHICLE_LOGS, files * _RECORDS, format="ndjson")
        folder = split_sample(sample, files)
        before, version = self._loaded(), self._version()
        runs, cpu, since = self._load_runs(), self._cpu_seconds(), time.perf_counter()
        shutil.copytree(folder, self._settings.raw_dir / VEHICLE_LOGS.name / "many")
        self.wait(lambda: self._loaded() == before + files, f"{files:,} files are loaded", 600)
        seconds = time.perf_counter() - since
        self.wait(self.is_refreshed, "the refresh of many files")
        cpu_seconds = self._cpu_seconds() - cpu
        per_file = 1_000 / files
        return files, seconds * per_file, cpu_seconds * per_file, self._load_runs() - runs, self._version() - version

    def is_refreshed(self) -> bool:
        return self._version() > 0 and not ledger.staleness(self._connection).is_stale

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Not within {seconds:.0f} s: {what}")
            time.sleep(0.05)

    def _has_figures(self, vehicle: str) -> bool:
        days = {"start": "2024-05-01", "end": "2024-05-31"}
        answer = httpx2.get(f"{self._api}/api/vehicles/metrics", params=days, timeout=10)
        return answer.status_code == httpx2.codes.OK and vehicle in {row["vehicle_id"] for row in answer.json()}

    def _loaded(self) -> int:
        return int(self._value(f"SELECT count(*) FROM ingest.files WHERE state = '{FileState.LOADED}'"))

    def _load_runs(self) -> int:
        return int(self._value("SELECT count(DISTINCT run_id) FROM ingest.files"))

    def _version(self) -> int:
        return int(self._value("SELECT data_version FROM analytics.status"))

    def _value(self, query: str) -> Any:
        row = self._connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def _cpu_seconds(self) -> float:
        return family_cpu_seconds(os.getpid()) + family_cpu_seconds(self._postmaster)


@dataclass(frozen=True)
class _Ticks:
    files: int
    seconds: list[float]
    """CPU seconds of each look, the server's included."""


def _tick(bench: Bench, environment: Environment, connection: Connection) -> _Ticks:
    """Looks of the sensor at many files that Dagster and the ledger know, in this process."""
    settings = environment.settings
    missing = max(100, round(_KNOWN * bench.scale)) - len(list(RawFolder(settings.raw_dir).find_files()))
    bench.say(f"{missing:,} further files are made known")
    folder = settings.raw_dir / VEHICLE_LOGS.name / "known"
    folder.mkdir()
    long_ago = time.time() - 3_600
    for number in range(missing):
        path = folder / f"{number:05}.json"
        path.write_bytes(b"[]")
        os.utime(path, (long_ago, long_ago + number))
    postmaster = int((settings.postgres_dir / "postmaster.pid").read_text().splitlines()[0])
    with _instance(environment) as instance:
        _make_known(instance, connection, settings)
        one_look = {"database_url": environment.database_url, "long_polling": False}
        definitions = build_definitions(settings.model_copy(update=one_look))
        sensor = next(sensor for sensor in definitions.sensors or [] if sensor.name == "raw_files")
        seconds = []
        for _ in range(_TICKS):
            before = time.process_time() + family_cpu_seconds(postmaster)
            context = dg.build_sensor_context(
                instance=instance, definitions=definitions, resources=definitions.resources, sensor_name=sensor.name
            )
            found = sensor.evaluate_tick(context)
            seconds.append(time.process_time() + family_cpu_seconds(postmaster) - before)
            if found.run_requests:
                raise RuntimeError(f"The sensor requested {len(found.run_requests)} runs: it should know every file")
    return _Ticks(len(list(RawFolder(settings.raw_dir).find_files())), seconds)


def _make_known(instance: dg.DagsterInstance, connection: Connection, settings: Settings) -> None:
    """As if all files had been loaded: in the ledger, as partitions, and as materialised in Dagster."""
    files = ledger.in_registration_order(RawFolder(settings.raw_dir).find_files())
    known = set(ledger.latest_files(connection))
    new = [file for file in files if file.key not in known]
    with connection.transaction():
        for file in new:
            ledger.register(connection, file)
        connection.execute(_MARK_AS_LOADED)
    instance.add_dynamic_partitions(partitions_name(VEHICLE_LOGS.name), [file.key for file in new])
    for file in new:
        event = dg.AssetMaterialization(dg.AssetKey(["raw", VEHICLE_LOGS.name]), partition=file.key)
        instance.report_runless_asset_event(event)


@contextmanager
def _instance(environment: Environment) -> Iterator[dg.DagsterInstance]:
    prepare_dagster(environment.variables())
    with _variables(environment.variables()), dg.DagsterInstance.from_config(str(RESOURCES)) as instance:
        yield instance


@contextmanager
def _variables(own: dict[str, str]) -> Iterator[None]:
    """Only these settings, for this process and those it starts: what is measured is the product as it comes."""
    before = dict(os.environ)
    others = {name: value for name, value in before.items() if not name.startswith("LOGISTICS_")}
    os.environ.clear()
    os.environ.update(others | own)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


PART = Part(
    "orchestration",
    "Through Dagster",
    f"""\
The whole system as `logistics up` starts it: code server, daemon, webserver, API, embedded PostgreSQL. *All loaded*
is the time from the first file in place until the last one is marked as loaded, including settle time, sensor
interval, queue and the start of the runs. CPU is that of all processes together until the figures are refreshed,
including idle ticks. *One look of the file sensor with nothing to do* is the cost of every idle tick; its
{_KNOWN:,} files are in the ledger, exist as partitions and are materialised. The time from a file in place to its
figures consists of the settle time (2 s, nothing for a file that was renamed into place), up to a second until Dagster
takes the run from its queue, and the start of this run, which loads and refreshes; the sensor waits for files, but for
one or two of ten seconds.""",
    _measure,
)
