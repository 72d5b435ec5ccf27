"""What /metrics says: of answers by route, of the pipeline; bounded whatever clients send; without the database too."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from psycopg.types.json import Jsonb

from logistics_api.database.pool import Database
from logistics_api.errors import Problem
from logistics_api.monitoring.pipeline import CACHE_SECONDS, Pipeline
from logistics_api.monitoring.recording import BUCKETS, MOST_SERIES, Metrics
from logistics_core.catalogue import built_in_catalogue
from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import connect
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_endpoints
from logistics_pipeline.notifying.publishing import Event, publish
from tests.checkout import PROJECT_ROOT
from tests.source_pulls import FLEET, add_pull, complete_pull, define

ALERTS = PROJECT_ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = PROJECT_ROOT / "deploy/grafana/logistics.json"
PAGE = PROJECT_ROOT / "docs/monitoring.md"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(api: Any) -> Samples:
    return read(api.client.get("/metrics").text)


def read(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def test_answers_are_counted_by_method_route_and_status(api: Any) -> None:
    for path in ("/health", "/health", "/api/nothing", "/api/other/nothing", "/api/dashboard"):
        api.client.get(path)
    api.client.head("/health")
    found = samples(api)
    assert value(found, "logistics_http_requests_total", method="GET", route="/health", status="200") == 2
    assert value(found, "logistics_http_requests_total", method="HEAD", route="/health", status="200") == 1
    assert value(found, "logistics_http_requests_total", method="GET", route="/api/dashboard", status="422") == 1
    assert value(found, "logistics_http_requests_total", method="GET", route="unmatched", status="404") == 2
    assert value(found, "logistics_http_request_duration_seconds_count", method="GET", route="/health") == 2
    assert value(found, "logistics_http_request_duration_seconds_bucket", method="GET", route="/health", le="+Inf") == 2
    assert "/api/nothing" not in str(found)


def test_what_is_refused_before_it_is_routed_counts_for_its_route(database_url: str, serve: Any) -> None:
    with connect(database_url) as connection:
        key, _ = create_key(connection, "prometheus", ["read"], requests_per_second=1000)
    with serve(database_url, api_published_at="0.0.0.0", api_rate=1e-9, api_burst=3) as api:
        for path in ("/api/vehicles/V%2F1", "/metrics", "/api/nothing", "/docs", "/documentation/favicon.png"):
            api.client.get(path)
        assert api.client.get("/api/vehicles/V1").status_code == 429
        assert api.client.get("/api/vehicles/V1", headers={"X-API-Key": key}).status_code == 404
        found = read(api.client.get("/metrics", headers={"X-API-Key": key}).text)
    for route, status in (
        ("/api/vehicles/{vehicle_id}", "401"),
        ("/api/vehicles/{vehicle_id}", "404"),
        ("/api/vehicles/{vehicle_id}", "429"),
        ("/metrics", "401"),
        ("unmatched", "401"),
        ("/docs", "200"),
        ("/documentation/{path}", "200"),
    ):
        assert value(found, "logistics_http_requests_total", method="GET", route=route, status=status) >= 1, route


def test_what_clients_invent_makes_no_series_of_its_own(api: Any) -> None:
    before = len(samples(api))
    for number in range(30):
        api.client.request(f"BREW{number}", "/health")
        api.client.get(f"/{number}")
        api.client.get("/health", headers={"X-API-Key": f"lap_{number}", "X-Request-ID": f"trace{number}"})
    assert len(samples(api)) - before < 5 * (len(BUCKETS) + 5)


def test_however_many_series_there_are_memory_is_bounded() -> None:
    metrics = Metrics("1")
    for number in range(3 * MOST_SERIES):
        metrics.observe("GET", f"/{number}", 200, 0.1, "none")
    assert len(metrics._responses) == MOST_SERIES + 1
    assert sum(sum(series.buckets) for series in metrics._responses.values()) == 3 * MOST_SERIES


def test_seconds_fall_into_the_bucket_whose_bound_they_do_not_exceed() -> None:
    metrics = Metrics("1")
    for seconds in (0.0, 0.0005, 0.00051, 5.0, 5.1):
        metrics.observe("GET", "/x", 200, seconds, "miss")
    (family,) = [each for each in metrics.collect() if each.name == "logistics_http_request_duration_seconds"]
    counts = {sample.labels["le"]: sample.value for sample in family.samples if sample.name.endswith("_bucket")}
    assert (counts["0.0005"], counts["0.001"], counts["2.5"], counts["5"], counts["+Inf"]) == (2, 3, 3, 4, 5)
    assert list(counts.values()) == sorted(counts.values())


def test_kept_answers_show_as_hits(api: Any, database_url: str) -> None:
    for _ in range(3):
        api.get("/api/dashboard", start="2024-01-01", end="2024-01-31")
    found = samples(api)
    assert value(found, "logistics_cache_requests_total", result="hit") == 2
    assert value(found, "logistics_cache_requests_total", result="miss") == 1
    assert found["logistics_cache_entries", ()] == 1
    assert found["logistics_cache_bytes", ()] > 0


def test_files_and_records_are_those_of_the_ledger(api: Any, database_url: str) -> None:
    files = [
        ("shipments", "a.json", 1, "failed", 10, 4, 5, 1),
        ("shipments", "a.json", 2, "loaded", 20, 20, 0, 0),
        ("vehicles", "c.json", 1, "failed", 3, 1, 1, 1),
        (None, "e.txt", 1, "unrecognised", 0, 0, 0, 0),
    ]
    with psycopg.connect(database_url) as connection:
        connection.cursor().executemany(
            "INSERT INTO ingest.files (dataset, path, version, state, records_read, records_loaded, "
            "records_superseded, records_rejected, size_bytes, modified_ns) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1, 1)",
            files,
        )
        connection.execute(
            "INSERT INTO ingest.batches (file_id, last_record, records, merged, committed_at) "
            "VALUES (1, 1, 1, false, clock_timestamp() - interval '1 hour')"
        )
        connection.execute("UPDATE analytics.status SET error_message = 'disk full', data_version = 7")
    found = samples(api)
    assert value(found, "logistics_files", dataset="shipments", state="loaded") == 1
    assert value(found, "logistics_files", dataset="shipments", state="failed") == 0  # the latest version counts
    assert value(found, "logistics_files", dataset="vehicles", state="failed") == 1
    assert value(found, "logistics_files", dataset="none", state="unrecognised") == 1
    assert value(found, "logistics_records", dataset="shipments", outcome="loaded") == 24
    assert value(found, "logistics_records", dataset="shipments", outcome="rejected") == 1
    assert value(found, "logistics_records", dataset="vehicle_logs", outcome="loaded") == 0
    assert (found["logistics_data_version", ()], found["logistics_refresh_failed", ()]) == (7, 1)
    assert found["logistics_unrefreshed_batches", ()] == 1
    assert 3600 <= found["logistics_figures_behind_seconds", ()] < 3700


def test_without_the_database_it_tells_so_and_what_the_process_knows(serve: Any) -> None:
    with serve("postgresql://nobody@127.0.0.1:1/nothing") as api:
        api.client.get("/health")
        found = samples(api)
    assert (found["logistics_database_up", ()], found["logistics_database_connected", ()]) == (0, 0)
    assert value(found, "logistics_http_requests_total", method="GET", route="/health", status="200") == 1
    assert ("logistics_data_version", ()) not in found
    assert found["process_resident_memory_bytes", ()] > 0


def test_the_database_is_asked_once_in_a_few_seconds_however_many_ask() -> None:
    clock, asked = [0.0], [0]

    class Counting(Database):
        def __init__(self) -> None:
            """Needs no server."""

        async def fetch_value(self, query: str, parameters: Any = None) -> Any:
            asked[0] += 1
            await asyncio.sleep(0)
            if asked[0] == 2:
                raise Problem(503, "database-unavailable", "", "")
            return "{}"

        async def fetch_row(self, query: str, parameters: Any = None) -> Any:
            return 1, []

    async def ask() -> None:
        pipeline = Pipeline(Counting(), built_in_catalogue(), RejectThreshold.parse("1%"), lambda: clock[0])
        await asyncio.gather(*(pipeline.refresh() for _ in range(10)))
        assert asked == [1]
        clock[0] = CACHE_SECONDS
        await pipeline.refresh()
        assert [sample.value for family in pipeline.collect() for sample in family.samples] == [0]
        await pipeline.refresh()
        assert asked == [3], "after a failure it is asked again at once"

    asyncio.run(ask())


def test_prometheus_may_have_either_format(api: Any) -> None:
    plain = api.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
    modern = api.client.get("/metrics", headers=accept)
    assert modern.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert {family.name for family in parse_openmetrics(modern.text)} > {"logistics_http_requests", "logistics_files"}


def test_beyond_this_machine_it_needs_a_key_that_reads(database_url: str, serve: Any) -> None:
    with connect(database_url) as connection:
        reader, _ = create_key(connection, "prometheus", ["read"])
        other, _ = create_key(connection, "uploader", ["ingest"])
    with serve(database_url, api_published_at="0.0.0.0") as api:
        assert api.client.get("/metrics").status_code == 401
        assert api.client.get("/metrics", headers={"X-API-Key": other}).status_code == 403
        answer = api.client.get("/metrics", headers={"Authorization": f"Bearer {reader}"})
        assert answer.status_code == 200
        found = read(answer.text)
        assert value(found, "logistics_principal_requests_total", principal="prometheus") == 1
        assert found["logistics_api_keys", ()] == 2


def test_forecasts_are_told_by_level(database_url: str, serve: Any) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(A_FIT, {"backtest": Jsonb([BACKTEST] * 3)})
    with serve(database_url) as api:
        found = samples(api)
    labels = {"dataset": "shipments", "metric": "revenue", "grain": "day"}
    assert value(found, "logistics_forecast_issued_timestamp_seconds", **labels) == 1_800_000_000
    for by in ("", "origin", "origin,destination"):
        assert value(found, "logistics_forecast_error_ratio", **labels, by=by) == 0.1
        assert value(found, "logistics_forecast_naive_error_ratio", **labels, by=by) == 0.2
    assert value(found, "logistics_forecast_coverage_90_ratio", **labels, by="origin") == 0.9


# What is built upon it

BACKTEST = {"error": 0.1, "naive_error": 0.2, "bias": 0.0, "coverage_80": 0.8, "coverage_90": 0.9}
A_FIT = """
INSERT INTO forecast.runs (
    dataset, metric, grain, levels, horizon, probabilities, data_version, code_version, declaration, issued_at,
    first_period, last_period, series, methods, reconciled_by, backtest, seconds, cpu_seconds, memory_bytes
) VALUES (
    'shipments', 'revenue', 'day', '[[], ["origin"], ["origin", "destination"]]', 28, '{0.5}', 1, '1', '1',
    to_timestamp(1800000000), '2026-01-01', '2026-11-01', 3, '{}', 'bottom_up', %(backtest)s, 1, 1, 1
)
"""


@pytest.fixture(scope="module")
def names(new_database: Any, serve: Any, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every name of a sample on a system that has computed and pulled something and answered someone."""
    with new_database() as url:
        assert not define(url, tmp_path_factory.mktemp("sources"), fleet=FLEET)
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE analytics.status SET last_calculated_at = now(), seconds = 1")
            connection.execute(A_FIT, {"backtest": Jsonb([BACKTEST] * 3)})
            connection.execute("INSERT INTO alert.heartbeats VALUES ('alerts', 'a worker', now())")
            store_endpoints(connection, [Endpoint("people", EndpointChannel.INBOX)])
            publish(connection, Event("test", "1", Severity.INFO, "A test", "It works.", datetime.now(UTC)))
            complete_pull(connection)
            add_pull(connection, "orders", "failed", error="No.", error_kind="server")
            connection.execute(
                "INSERT INTO models.models (model, dataset, kind, declaration) VALUES ('a.b', 'a', 'duration', '{}')"
            )
            connection.execute(
                "INSERT INTO models.executions (model, version, kind, rows, seconds, cpu_seconds, memory_bytes) "
                "VALUES ('a.b', 1, 'score', 10, 1, 1, 1)"
            )
        with serve(url) as api:
            api.client.get("/health")
            found: set[str] = {name for name, _ in samples(api)}
            return found


def expressions() -> Iterator[str]:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (each["expr"] for each in dashboard["annotations"]["list"])
    yield from (each["definition"] for each in dashboard["templating"]["list"] if "definition" in each)


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:logistics|process|python)_\w+", expression))


def test_every_metric_of_the_alerts_and_the_dashboard_exists(names: set[str]) -> None:
    used = {metric for expression in expressions() for metric in metrics_in(expression)}
    assert len(used) > 20
    assert used <= names


def test_every_metric_is_explained(names: set[str]) -> None:
    families = {
        re.sub(r"_(bucket|sum|count|created|total)$", "", name) for name in names if name.startswith("logistics_")
    }
    listed = set(re.findall(r"^\| `(logistics_\w+)", PAGE.read_text(), re.MULTILINE))
    assert listed == families


def test_every_alert_is_explained() -> None:
    alerts = {rule["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}
    assert alerts == set(re.findall(r"^\| `(Logistics\w+)`", PAGE.read_text(), re.MULTILINE))


@pytest.mark.parametrize("expression", list(expressions()), ids=lambda text: " ".join(text.split())[:60])
def test_every_expression_is_well_formed(expression: str) -> None:
    """As far as can be told without Prometheus: brackets close in order, selectors and ranges have their form."""
    text = re.sub(r'"[^"]*"', '""', expression)
    stack: list[str] = []
    for sign in text:
        if sign in "([{":
            stack.append(sign)
        elif sign in ")]}":
            assert stack and stack.pop() + sign in ("()", "[]", "{}"), expression
    assert not stack
    for selector in re.findall(r"\{([^}]*)\}", text):
        assert all(re.fullmatch(r'\s*\w+\s*(=|!=|=~|!~)\s*""\s*', part) for part in selector.split(",")), selector
    assert all(re.fullmatch(r"\d+[smhd]|\$__rate_interval", each) for each in re.findall(r"\[([^\]]*)\]", text))
    functions = set(re.findall(r"(\w+)\s*\(", text)) - {"by", "and"}
    assert functions <= {
        "sum",
        "rate",
        "deriv",
        "clamp_min",
        "histogram_quantile",
        "time",
        "changes",
        "label_values",
    }
    assert "rate(" not in text or "[" in text
    counters = re.findall(r"\brate\((\w+)", text)
    assert all(counter.endswith(("_total", "_bucket", "_sum", "_count")) for counter in counters), "a gauge may fall"


def test_alerts_say_what_is_wrong_and_how_bad_it_is() -> None:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert rule["annotations"]["summary"]
            assert re.fullmatch(r"\d+m", rule["for"])


def test_panels_do_not_lie_upon_each_other() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)
