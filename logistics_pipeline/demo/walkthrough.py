"""The steps of the demo: write sample files into the raw folder, report progress, then show figures."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2

from logistics_core.database_contract.file_states import FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.api_keys import create_key, revoke_key
from logistics_pipeline.database.connections import connect
from logistics_pipeline.demo.generator import generate
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.files.folder import key_of
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.local.environment import Environment
from logistics_pipeline.local.supervisor import web_urls

MAX_IDLE_SECONDS = 180
KEY_SECONDS = 10
OUTLOOK_SECONDS = 90
"""How long the demo waits for forecasts, which Dagster makes once the figures have settled."""
OUTLOOK_DAYS = 7
SAMPLE_FOLDER = "sample"
SAMPLE_FILES = ("vehicles.json", "vehicle_logs.json", "shipments.json")


def sample_folder(settings: Settings) -> Path:
    """Where the sample's files are, apart from the user's own."""
    return settings.raw_dir / SAMPLE_FOLDER


class Walkthrough:
    """One run of the demo on one installation."""

    def __init__(self, environment: Environment, say: Callable[[str], None]) -> None:
        self._environment = environment
        self._say = say
        self._folder = sample_folder(environment.settings)
        self._keys = [key_of(self._folder / name, environment.settings.raw_dir) for name in SAMPLE_FILES]

    def write_sample(self, *, vehicles: int, logs: int, shipments: int) -> None:
        """Writes the sample unless it exists."""
        if all((self._folder / name).exists() for name in SAMPLE_FILES):
            self._say(f"the sample in {self._folder} exists already")
            return
        for file in generate(self._folder, vehicles=vehicles, logs=logs, shipments=shipments, replace=True):
            self._say(f"wrote {file.path}: {file.records:,} records, {file.bad:,} of them bad on purpose")

    def wait_for_figures(self, check: Callable[[], None]) -> None:
        """Reports progress until the sample is loaded and the analytics contain it.

        Raises:
            PipelineError: a file failed, or there was no progress for three minutes.
        """
        last, moved_at = "", time.monotonic()
        while True:
            check()
            files, waiting = self._progress()
            now = _describe(files, waiting)
            if now != last:
                self._say(now)
                last, moved_at = now, time.monotonic()
            if len(files) == len(self._keys) and waiting == 0 and all(file.state is FileState.LOADED for file in files):
                return
            if time.monotonic() - moved_at > MAX_IDLE_SECONDS:
                raise PipelineError(
                    f"There was no progress for {MAX_IDLE_SECONDS} s. See the runs in the Dagster UI and the logs in "
                    f"{self._environment.settings.logs_dir}"
                )
            time.sleep(1)

    def _progress(self) -> tuple[list[LedgerFile], int]:
        """The sample's files in the ledger, and how many batches the analytics do not contain yet."""
        with connect(self._environment.database_url) as connection:
            known = ledger.latest_files(connection)
            waiting = connection.execute("SELECT count(*) FROM ingest.batches WHERE refreshed_as IS NULL").fetchone()
        files = [known[key] for key in self._keys if key in known]
        for file in files:
            if file.state is FileState.FAILED:
                raise PipelineError(f"{file.path} failed: {file.error}")
        return files, waiting[0] if waiting else 0

    def headline(self) -> str:
        """The figures of all days, from the API.

        Raises:
            PipelineError: the API does not respond, or has no figures.
        """
        _, api_url = web_urls(self._environment.settings)
        with httpx2.Client(base_url=api_url, timeout=30, trust_env=False) as api, self._authorized(api):
            status = _get(api, "/api/system/status")
            if status["first_day"] is None:
                raise PipelineError("The API has no figures: no file of logs has been loaded.")
            days = {"start": status["first_day"], "end": status["last_day"]}
            figures = _get(api, "/api/dashboard", days)
        records = status["records"]
        return (
            f"\nFigures from {days['start']} to {days['end']}, read from the API:\n"
            f"  shipments            {figures['total_shipments']:>15,}\n"
            f"  active vehicles      {figures['active_vehicles']:>15,}\n"
            f"  revenue              {figures['total_revenue']:>15,.2f}\n"
            f"  mean delivery time   {figures['avg_delivery_time']:>15,.2f} h\n"
            f"  awaiting their log   {status['unassigned_shipments']:>15,}\n"
            f"Of {records['read']:,} records read, {records['loaded']:,} are loaded, {records['superseded']:,} "
            f"superseded, {records['rejected']:,} rejected (see: logistics rejects)\n"
        )

    def outlook(self, check: Callable[[], None]) -> str:
        """What is likely in the next days, from the API, as soon as there are forecasts; says so if they take long.

        Raises:
            PipelineError: the API does not respond.
        """
        deadline = time.monotonic() + OUTLOOK_SECONDS
        while not self._is_forecast():
            check()
            if time.monotonic() > deadline:
                return "Forecasts are made next: see the page Forecasts of the dashboard.\n"
            time.sleep(1)
        _, api_url = web_urls(self._environment.settings)
        with httpx2.Client(base_url=api_url, timeout=30, trust_env=False) as api, self._authorized(api):
            query = {"metric": "revenue", "horizon": str(OUTLOOK_DAYS)}
            found = _get(api, "/api/forecasts/shipments", query)
        (total,) = found["data"]
        likely = sum(point["point"] for point in total["points"])
        error, repeated = total["backtest"]["error"], total["backtest"]["naive_error"]
        return (
            f"Likely revenue of the {OUTLOOK_DAYS} days after {found['run']['last_period']}: {likely:,.2f} "
            f"({total['method']}: off by {error:.1%} a day on average in the back-test; repeating last week: "
            f"{repeated:.1%})\n"
        )

    def _is_forecast(self) -> bool:
        with connect(self._environment.database_url) as connection:
            found = connection.execute("SELECT count(*) FROM forecast.fits WHERE dataset = 'shipments'").fetchone()
        return found != (0,)

    @contextmanager
    def _authorized(self, api: httpx2.Client) -> Iterator[None]:
        """Gives the client an API key while the block runs, if the API requires one."""
        if not _needs_key(api):
            yield
            return
        with connect(self._environment.database_url) as connection:
            key, made = create_key(connection, f"demo-{token_hex(4)}", ["read"])
            try:
                api.headers["X-API-Key"] = key
                deadline = time.monotonic() + KEY_SECONDS
                while _needs_key(api) and time.monotonic() < deadline:
                    time.sleep(0.05)
                yield
            finally:
                revoke_key(connection, made.name)


def _needs_key(api: httpx2.Client) -> bool:
    try:
        return api.get("/api/system/status").status_code in (401, 403)
    except httpx2.HTTPError:
        return False  # `_get` reports it


def _get(api: httpx2.Client, path: str, parameters: dict[str, str] | None = None) -> Any:
    try:
        return api.get(path, params=parameters).raise_for_status().json()
    except httpx2.HTTPError as error:
        raise PipelineError(f"The API did not respond to {path}: {error}") from error


def _describe(files: list[LedgerFile], waiting: int) -> str:
    if not files:
        return "waiting for the sensor to find the files"
    parts = [f"{file.dataset} {file.state} {file.records_read:,}" for file in files]
    return ", ".join(parts) + (f"; {waiting} of their batches not yet in the figures" if waiting else "")
