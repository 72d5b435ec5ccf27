"""The state of the pipeline, read from the database at most once every few seconds."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from logistics_api.database.pool import Database
from logistics_api.errors import Problem
from logistics_api.forecasts.documents import catalogue_document
from logistics_api.forecasts.queries import CATALOGUE as FITS
from logistics_api.monitoring.queries import PIPELINE
from logistics_api.sources.schemas import ResourceState
from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.file_states import DATASET_STATES, FileState
from logistics_core.reject_threshold import RejectThreshold

CACHE_SECONDS = 5.0

OUTCOMES = ("loaded", "superseded", "rejected")


class Pipeline(Collector):
    """The metrics last read from the database. While it is unavailable, only `logistics_database_up` is reported."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        warn_rejects: RejectThreshold,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._threshold = warn_rejects
        self._database = database
        self.catalogue = catalogue
        """Those that are served; replaced when others come into force."""
        self._clock = clock
        self._found: dict[str, Any] | None = None
        self._fits: list[Any] = []
        self._read_at = float("-inf")
        self._refresh_lock = asyncio.Lock()

    async def refresh(self) -> None:
        """Queries the database unless the last result is recent enough."""
        async with self._refresh_lock:
            if self._clock() - self._read_at < CACHE_SECONDS and self._found is not None:
                return
            try:
                found = json.loads(await self._database.fetch_value(PIPELINE, self._threshold.parameters()))
                _, self._fits = await self._database.fetch_row(FITS)
                self._found = found
            except Problem:  # unavailable, too busy, too slow or not migrated
                self._found = None
            self._read_at = self._clock()

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        found = self._found
        yield GaugeMetricFamily(
            "logistics_database_up",
            "1 if the database responded to the last query for /metrics, else 0",
            float(found is not None),
        )
        if found is not None:
            yield from _of_figures(found)
            yield from _of_files(found, tuple(self.catalogue))
            yield from _of_sources(found)
            yield from _of_models(found)
            yield from _of_notifications(found)
            yield from _of_forecasts(self._fits, self.catalogue)
            yield from _of_alerts(found)


def _of_figures(found: dict[str, Any]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "logistics_data_version", "Increases by one with every refresh that changes a figure", found["data_version"]
    )
    if found["calculated_at"] is not None:
        yield GaugeMetricFamily(
            "logistics_figures_calculated_timestamp_seconds",
            "When the figures were last published, Unix time",
            found["calculated_at"],
        )
        yield GaugeMetricFamily(
            "logistics_refresh_duration_seconds",
            "Duration of the last published refresh, in seconds",
            found["refresh_seconds"] or 0,
        )
    yield GaugeMetricFamily(
        "logistics_figures_behind_seconds",
        "Age of the oldest rows not yet included in the figures, in seconds; 0 if all are",
        found["behind_seconds"],
    )
    yield GaugeMetricFamily(
        "logistics_unrefreshed_batches", "Batches of rows not yet included in the figures", found["waiting_batches"]
    )
    yield GaugeMetricFamily(
        "logistics_refresh_running", "1 while a refresh is running, else 0", float(found["refresh_is_running"])
    )
    yield GaugeMetricFamily(
        "logistics_refresh_failed", "1 if the last refresh failed, else 0", float(found["refresh_failed"])
    )
    yield GaugeMetricFamily(
        "logistics_unassigned_shipments", "Shipments whose log has not arrived yet", found["unassigned_shipments"]
    )


def _of_files(found: dict[str, Any], datasets: Sequence[str]) -> Iterator[Metric]:
    files = GaugeMetricFamily(
        "logistics_files", "Files by the state of their latest version", labels=["dataset", "state"]
    )
    counted = {(dataset, state): count for dataset, state, count in found["files"]}
    known = {(dataset, state): 0 for dataset in datasets for state in DATASET_STATES}
    for labels, count in sorted((known | {("none", FileState.UNRECOGNISED): 0} | counted).items()):
        files.add_metric(labels, count)
    yield files
    warnings = GaugeMetricFamily(
        "logistics_files_with_warning",
        "Files loaded with more rejects than LOGISTICS_WARN_REJECTS or with another problem",
        labels=["dataset"],
    )
    for dataset in datasets:
        warnings.add_metric([dataset], found["warnings"].get(dataset, 0))
    yield warnings
    records = GaugeMetricFamily(
        "logistics_records",
        "Records in the ledger by outcome; excludes those of unloaded files",
        labels=["dataset", "outcome"],
    )
    by_dataset = {dataset: [0, 0, 0] for dataset in datasets} | {
        dataset: counts for dataset, *counts in found["records"]
    }
    for dataset, counts in by_dataset.items():
        for outcome, count in zip(OUTCOMES, counts, strict=True):
            records.add_metric([dataset, outcome], count)
    yield records


_PULL_OUTCOMES = ("complete", "unchanged", "abandoned")
_LABELS = ["source", "resource"]
_COUNTERS = {
    "logistics_source_pages": ("pages", "Pages of sources that were fetched and archived"),
    "logistics_source_records": ("records", "Records in these pages"),
    "logistics_source_requests": ("requests", "Requests sent to sources, repeated ones included"),
    "logistics_source_retries": ("retries", "Requests to sources that were repeated"),
    "logistics_source_rate_limited": ("rate_limited", "Responses of sources that asked for slower requests"),
    "logistics_source_bytes": ("bytes_received", "Bytes of pages, decompressed"),
    "logistics_source_pull_seconds": ("seconds", "Seconds spent in pulls, waiting included"),
    "logistics_source_waited_seconds": ("seconds_waited", "Seconds of these spent waiting for rate limits"),
    "logistics_source_retrying_seconds": (
        "seconds_retrying",
        "Seconds of these spent in requests that failed and pauses",
    ),
}
"""Name of a counter → its column, and what it says."""


def _of_sources(found: dict[str, Any]) -> Iterator[Metric]:
    """What was pulled. Counters never go back: pulls that housekeeping deletes stay counted."""
    resources = found["sources"]
    yield GaugeMetricFamily(
        "logistics_source_problems", "Definition files of sources that cannot be used", found["source_problems"]
    )
    for name, (column, meaning) in _COUNTERS.items():
        counter = CounterMetricFamily(name, meaning, labels=_LABELS)
        for each in resources:
            counter.add_metric(_labels(each), each[column])
        yield counter
    yield from (_pulls(resources), _failures(resources), *_gauges_of_sources(resources))


def _labels(resource: dict[str, Any]) -> list[str]:
    return [resource["source"], resource["resource"]]


def _pulls(resources: Sequence[dict[str, Any]]) -> Metric:
    pulls = CounterMetricFamily(
        "logistics_source_pulls", "Pulls that have ended, by outcome", labels=[*_LABELS, "outcome"]
    )
    for each in resources:
        for outcome, count in zip(_PULL_OUTCOMES, each["pulls"], strict=True):
            pulls.add_metric([*_labels(each), outcome], count)
    return pulls


def _failures(resources: Sequence[dict[str, Any]]) -> Metric:
    failures = CounterMetricFamily(
        "logistics_source_failures", "Times that a pull has failed, by kind of error", labels=[*_LABELS, "kind"]
    )
    for each in resources:
        for kind, count in each["failures"].items():
            failures.add_metric([*_labels(each), kind], count)
    return failures


def _gauges_of_sources(resources: Sequence[dict[str, Any]]) -> Iterator[Metric]:
    failing = GaugeMetricFamily(
        "logistics_source_failing", "1 if the newest pull of the resource has failed, else 0", labels=_LABELS
    )
    behind = GaugeMetricFamily(
        "logistics_source_behind_seconds",
        "Seconds since the moment up to which everything was read from the source",
        labels=_LABELS,
    )
    newest = GaugeMetricFamily(
        "logistics_source_newest_record_timestamp_seconds",
        "Newest time of a record in the last complete pull, Unix time",
        labels=_LABELS,
    )
    for each in resources:
        failing.add_metric(_labels(each), float(each["state"] == ResourceState.FAILED))
        if each["behind_seconds"] is not None:
            behind.add_metric(_labels(each), each["behind_seconds"])
        if each["newest_record_at"] is not None:
            newest.add_metric(_labels(each), each["newest_record_at"])
    yield from (failing, behind, newest)


_EXECUTION_COUNTERS = {
    "logistics_model_executions": ("executions", "Times that a model was trained or used, by kind: train, score, job"),
    "logistics_model_rows": ("rows", "Records that models have learnt from or predicted"),
    "logistics_model_seconds": ("seconds", "Seconds that this took"),
    "logistics_model_queue_seconds": ("queue_seconds", "Seconds that jobs waited for a worker"),
}
_EXECUTION_GAUGES = {
    "logistics_model_memory_bytes": ("memory_bytes", "Highest resident memory of a process that used the model"),
    "logistics_model_version": ("version", "Newest version of the model that was trained or used"),
}


def _of_models(found: dict[str, Any]) -> Iterator[Metric]:
    """What models have cost, and the jobs that are open."""
    labels = ["model", "kind"]
    for name, (column, meaning) in _EXECUTION_COUNTERS.items():
        counter = CounterMetricFamily(name, meaning, labels=labels)
        for each in found["models"]:
            counter.add_metric([each["model"], each["kind"]], each[column])
        yield counter
    for name, (column, meaning) in _EXECUTION_GAUGES.items():
        gauge = GaugeMetricFamily(name, meaning, labels=labels)
        for each in found["models"]:
            gauge.add_metric([each["model"], each["kind"]], each[column] or 0)
        yield gauge
    jobs = GaugeMetricFamily("logistics_model_jobs", "Jobs of models that have not ended, by state", labels=["state"])
    for state, count in found["model_jobs"].items():
        jobs.add_metric([state], count)
    yield jobs


def _of_notifications(found: dict[str, Any]) -> Iterator[Metric]:
    """Where messages are, and for how long the next one has been due."""
    messages = GaugeMetricFamily(
        "logistics_messages",
        "Messages that wait, and all others of the last day, by channel and state",
        labels=["channel", "state"],
    )
    for channel, state, count in sorted(found["messages"]):
        messages.add_metric([channel, state], count)
    endpoints = GaugeMetricFamily(
        "logistics_notification_endpoints", "Endpoints of notifications by how they do", labels=["state"]
    )
    for state, count in found["endpoints"].items():
        endpoints.add_metric([state], count)
    yield from (messages, endpoints)
    yield GaugeMetricFamily(
        "logistics_message_overdue_seconds",
        "Seconds for which the message has been due that should be sent next; 0 if none is",
        found["oldest_due_seconds"],
    )


_FORECAST_LABELS = ["dataset", "metric", "grain", "by"]
_FORECAST_FIGURES = {
    "logistics_forecast_error_ratio": ("error", "Sum of absolute errors of forecasts per sum of actuals"),
    "logistics_forecast_naive_error_ratio": ("naive_error", "The same of repeating the last season"),
    "logistics_forecast_coverage_90_ratio": ("coverage_90", "Share of actuals within the central 90 %"),
}
"""Name of a gauge → the figure of a level, and what it says."""


def _of_forecasts(fits: list[Any], catalogue: Catalogue) -> Iterator[Metric]:
    """The newest fits, and how right each level is: tracked or, until enough was scored, in the back-test."""
    issued = GaugeMetricFamily(
        "logistics_forecast_issued_timestamp_seconds",
        "When the newest forecasts of a metric were made, Unix time",
        labels=_FORECAST_LABELS[:3],
    )
    figures = {
        name: GaugeMetricFamily(name, f"{meaning}, of the last six weeks or months", labels=_FORECAST_LABELS)
        for name, (_, meaning) in _FORECAST_FIGURES.items()
    }
    for dataset in catalogue_document(catalogue, fits)["datasets"]:
        for each in dataset["forecasts"]:
            labels = [dataset["dataset"], each["metric"], each["grain"]]
            if each["run"] is None:
                continue
            issued.add_metric(labels, datetime.fromisoformat(each["run"]["issued_at"]).timestamp())
            for level in each["levels"]:
                for name, (key, _) in _FORECAST_FIGURES.items():
                    if level["accuracy"] is not None and level["accuracy"][key] is not None:
                        figures[name].add_metric([*labels, ",".join(level["by"])], level["accuracy"][key])
    yield issued
    yield from figures.values()


def _of_alerts(found: dict[str, Any]) -> Iterator[Metric]:
    """When the worker did its duties last, and what is open."""
    heartbeats = GaugeMetricFamily(
        "logistics_worker_heartbeat_timestamp_seconds",
        "When a worker did this duty last, Unix time; absent if none ever did",
        labels=["duty"],
    )
    for duty, at in found["duties"].items():
        heartbeats.add_metric([duty], at)
    incidents = GaugeMetricFamily("logistics_open_incidents", "Incidents of alerts that are open", labels=["severity"])
    for severity in ("critical", "warning", "info"):
        incidents.add_metric([severity], found["incidents"].get(severity, 0))
    yield from (heartbeats, incidents)
