"""Every figure of real trips, held against the raw rows that the loader stored: `oracle` once more."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import BatchLimits, LoadOptions
from tests.api import oracle
from tests.api.oracle import LISTS, Listing, Log, Master, Reader, Shipment, Span, World
from tests.checkout import PROJECT_ROOT

TRIPS = PROJECT_ROOT.parent / "shared" / "data" / "india_truck_trips"

pytestmark = pytest.mark.skipif(not TRIPS.is_dir(), reason=f"no real input at {TRIPS}")


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]], tmp_path_factory: Any) -> Iterator[str]:
    """A database that has loaded the trips."""
    options = LoadOptions(
        raw_dir=TRIPS,
        failed_dir=tmp_path_factory.mktemp("failed"),
        batch=BatchLimits(records=5_000, bytes=8 << 20),
        max_record_bytes=1 << 20,
        date_order=None,
        retry_seconds=5.0,
    )
    with new_database() as url:
        for name in ("vehicles.json", "vehicle_logs.json", "shipments.json.gz"):
            found = RawFolder(TRIPS).look_at(Path(TRIPS / name))
            assert found is not None
            load_file(url, found, options)
        refresh(url)
        yield url


@pytest.fixture(scope="module")
def read(url: str) -> Reader:
    """What the raw tables hold."""
    with psycopg.connect(url) as connection:
        vehicles = connection.execute("SELECT vehicle_id, name, total_mileage FROM raw.vehicles").fetchall()
        logs = connection.execute("SELECT log_id, vehicle_id, trip_date, mileage, fuel_used FROM raw.vehicle_logs")
        world = World(
            {vehicle_id: Master(*rest) for vehicle_id, *rest in vehicles},
            [Log(*row) for row in logs.fetchall()],
            [
                Shipment(*row)
                for row in connection.execute(
                    "SELECT shipment_id, origin, destination, weight, cost, delivery_time, log_id FROM raw.shipments"
                ).fetchall()
            ],
        )
    assert len(world.logs) == 6_873 and len(world.shipments) == 6_807
    return Reader(world)


@pytest.fixture(scope="module")
def api(url: str, serve: Any) -> Iterator[Any]:
    with serve(url) as running:
        yield running


@pytest.fixture(scope="module")
def spans(read: Reader) -> list[Span]:
    """All there is, the last 30 days of it, a week in the middle, a day, and none."""
    days = sorted({log.trip_date for log in read.world.logs})
    first, last, middle = days[0], days[-1], days[len(days) // 2]
    return [
        Span(first, last),
        Span(last - timedelta(29), last),
        Span(middle, middle + timedelta(6)),
        Span(middle, middle),
        Span(last + timedelta(1), last + timedelta(9)),
    ]


def of(span: Span) -> dict[str, str]:
    return {"start": str(span.start), "end": str(span.end)}


@pytest.mark.slow
def test_totals_and_vehicles_of_real_trips(api: Any, read: Reader, spans: list[Span]) -> None:
    for span in spans:
        assert api.get("/api/dashboard", **of(span)) == oracle.dashboard(read, span)
        assert api.get("/api/figures/summary", **of(span)) == oracle.summary(read, span, "previous")
        assert api.get("/api/shipments/analytics", **of(span)) == oracle.shipment_analytics(read, span)
        assert api.get("/api/costs/overview", **of(span)) == oracle.cost_overview(read, span)
        assert api.get("/api/route/top-performing", **of(span)) == oracle.top_performing(read, span, 10)
        assert api.get("/api/route/matrix", **of(span)) == oracle.matrix(read, span)
    for span in spans[2:]:
        assert api.get("/api/vehicles/metrics", **of(span)) == oracle.vehicle_metrics(read, span)
        assert api.get("/api/figures/daily", **of(span)) == oracle.daily(read, span)


@pytest.mark.parametrize("path", LISTS)
def test_every_order_and_page_of_real_routes(api: Any, read: Reader, spans: list[Span], path: str) -> None:
    make, _ = LISTS[path]
    for span in spans:
        rows = make(read, span)
        for sort_by in [name for name in rows[0] if name != "recommendation_basis"] if rows else ["origin"]:
            for order in ("asc", "desc"):
                asked = Listing(sort_by, order, page=1, page_size=1000)
                assert api.get(path, **of(span), **asked._asdict()) == oracle.page_of(rows, asked)
        for asked in (Listing("origin", page=2, page_size=7), Listing("origin", search="tamil nadu", page=3)):
            assert api.get(path, **of(span), **asked._asdict()) == oracle.page_of(rows, asked)


def test_details_of_real_vehicles_and_routes(api: Any, read: Reader, spans: list[Span]) -> None:
    vehicles = sorted({log.vehicle_id for log in read.world.logs})[::100]
    routes = [pair for pair, route in read.routes(spans[0]) if route.count > 30][:15] + sorted(read.all_time)[::150]
    for span in spans[:2]:
        for vehicle_id in vehicles:
            path = f"/api/vehicles/{quote(vehicle_id, safe='')}/details"
            assert api.get(path, **of(span)) == oracle.vehicle_details(read, vehicle_id, span)
        for origin, destination in routes:
            found = api.get("/api/route/details", **of(span), origin=origin, destination=destination)
            assert found == oracle.route_details(read, (origin, destination), span)
