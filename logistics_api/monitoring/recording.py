"""Counts responses, and collects the metrics of the process.

prometheus_client's own counters are not used: they take locks for threads that do not exist here, and look up labels by
string. Everything here runs on one event loop, and `observe` runs on every response.
"""

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from time import time

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds. Cached responses are in the first bucket, figures up to 0.5; the statement timeout is 5."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MOST_SERIES = 1_000
"""Above the number of real combinations of method, route and status; any beyond it count as `other`."""
OTHER = "other"

Family = GaugeMetricFamily | CounterMetricFamily

_BOUNDS = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]


class _Series:
    """The responses of one method, route and status."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Metrics(Collector):
    """All of /metrics. `RequestMiddleware` calls `observe`; the application adds gauges for its components."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._responses: dict[tuple[str, str, int], _Series] = {}
        self._cache = {"hit": 0, "miss": 0, "none": 0}
        self._gauges: list[tuple[str, str, Callable[[], float]]] = []
        self._families: list[tuple[Callable[[], Family], Callable[[], Iterable[tuple[str, float]]]]] = []
        self._version = version
        self._started_at = time()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def observe(self, method: str, template: str, status: int, seconds: float, cache: str) -> None:
        """Counts a response by route, status, seconds to its start, and cache use."""
        series = self._responses.get((method, template, status))
        if series is None:
            series = self._new_series(method, template, status)
        series.buckets[bisect_left(BUCKETS, seconds)] += 1
        series.seconds += seconds
        self._cache[cache] += 1

    def _new_series(self, method: str, template: str, status: int) -> _Series:
        """Adds a series; bounds their number, whatever clients send."""
        if method not in METHODS:
            method = OTHER
        if len(self._responses) >= MOST_SERIES:
            method, template, status = OTHER, OTHER, 0
        return self._responses.setdefault((method, template, status), _Series())

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Adds a gauge; `read` runs at every scrape."""
        self._gauges.append((name, meaning, read))

    def gauges(self, name: str, meaning: str, label: str, read: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Adds gauges; `read` runs at every scrape and returns pairs of label value and figure."""
        self._families.append((lambda: GaugeMetricFamily(name, meaning, labels=[label]), read))

    def counter(self, name: str, meaning: str, label: str, read: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Adds counters maintained elsewhere; `read` returns pairs of label value and count."""
        self._families.append((lambda: CounterMetricFamily(name, meaning, labels=[label]), read))

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        yield GaugeMetricFamily(
            "logistics_start_time_seconds", "Start time of this API process, Unix time", self._started_at
        )
        build = GaugeMetricFamily(
            "logistics_build_info", "Always 1; the labels give the versions in use", labels=["version", "python"]
        )
        build.add_metric([self._version, sys.version.split()[0]], 1)
        yield build
        yield from self._of_responses()
        for name, meaning, read in self._gauges:
            yield GaugeMetricFamily(name, meaning, read())
        for make, read_all in self._families:
            family = make()
            for label, figure in read_all():
                family.add_metric([label], figure)
            yield family

    def _of_responses(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "logistics_http_requests", "Responses sent", labels=["method", "route", "status"]
        )
        seconds = HistogramMetricFamily(
            "logistics_http_request_duration_seconds",
            "Seconds to the start of the response",
            labels=["method", "route"],
        )
        by_route: dict[tuple[str, str], _Series] = {}
        for (method, template, status), series in list(
            self._responses.items()
        ):  # read in a thread, while requests are served
            requests.add_metric([method, template, str(status)], sum(series.buckets))
            both = by_route.setdefault((method, template), _Series())
            both.buckets = [ours + more for ours, more in zip(both.buckets, series.buckets, strict=True)]
            both.seconds += series.seconds
        for labels, series in by_route.items():
            seconds.add_metric(labels, list(_cumulative(series.buckets)), series.seconds)
        cache = CounterMetricFamily(
            "logistics_cache_requests", "Requests for figures, by cache hit or miss", labels=["result"]
        )
        for result in ("hit", "miss"):
            cache.add_metric([result], self._cache[result])
        yield from (requests, seconds, cache)


def _cumulative(buckets: list[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip(_BOUNDS, buckets, strict=True):
        total += count
        yield bound, total
