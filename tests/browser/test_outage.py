"""A PostgreSQL that is stopped under open pages and fresh tabs: one data version on a page, and it says how old."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import migrate
from tests.browser.conftest import Dashboard, wait_until
from tests.browser.test_shell import settled
from tests.temporary_folders import temporary_folder

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

RANGE = "2024-01-01..2024-12-31"
SPAN = {"start": "2024-01-01", "end": "2024-12-31"}
PINNED = f"?range={RANGE}"
STALE_SECONDS = 15
"""Between attempts of a page to replace what may be old."""
AWAY = re.compile("Failed to load resource|503|412|ERR_")


class Installation(Dashboard):
    """A dashboard on a PostgreSQL of its own, which can be stopped."""

    def __init__(self, server: EmbeddedPostgres, data_dir: Path) -> None:
        self.server = server
        super().__init__(server.acquire(), data_dir)
        self.is_stopped = False

    def bring(self, name: str, vehicles: int, trips_each: int, day: str = "2024-03-01") -> None:
        """Loads logs of so many vehicles, a shipment for each log, and refreshes the figures."""
        logs = [
            {"log_id": f"{name}-{v}-{t}", "vehicle_id": f"V-{v}", "trip_date": day, "mileage": 100, "fuel_used": 30}
            for v in range(vehicles)
            for t in range(trips_each)
        ]
        shipments = [
            {
                "shipment_id": f"S-{log['log_id']}", "origin": "Kiel", "destination": "Ulm", "weight": 10, "cost": 20,
                "delivery_time": 5, "log_id": log["log_id"],
            }
            for log in logs
        ]  # fmt: skip
        (self.raw_dir / f"vehicle_logs-{name}.json").write_text(json.dumps(logs))
        (self.raw_dir / f"shipments-{name}.json").write_text(json.dumps(shipments))
        self.command("load", self.raw_dir)
        self.command("refresh")
        wait_until(lambda: self.is_new(name))

    def is_new(self, name: str) -> bool:
        """Whether the API knows of the newest refresh: only then does it cache answers."""
        fresh = httpx2.get(f"{self.url}/api/system/status", trust_env=False, verify=False)
        again = httpx2.get(f"{self.url}/api/figures/summary", params=SPAN, trust_env=False, verify=False)
        return fresh.headers["data-version"] == again.headers["data-version"]

    def stop_database(self) -> None:
        self.server.release()
        self.is_stopped = True
        wait_until(lambda: httpx2.get(f"{self.url}/ready", trust_env=False, verify=False).status_code == 503)

    def start_database(self) -> None:
        if self.is_stopped:
            self.server.acquire()
            self.is_stopped = False
            wait_until(lambda: httpx2.get(f"{self.url}/ready", trust_env=False, verify=False).status_code == 200)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_folder("logistics-tests-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        migrate(server.acquire())
        server.release()
        yield server


@pytest.fixture(scope="module")
def installation(server: EmbeddedPostgres, dashboard: Dashboard) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="logistics-browser-") as folder:
        made = Installation(server, Path(folder) / "data")
        shutil.copytree(dashboard.data_dir / "cache", made.data_dir / "cache")
        made.start()
        made.bring("first", vehicles=3, trips_each=2)
        yield made
        made.stop()
        if not made.is_stopped:
            server.release()


@pytest.fixture(autouse=True)
def _running(installation: Installation) -> Iterator[None]:
    yield
    installation.start_database()


def figure(page: Page, label: str) -> Any:
    card = page.locator("article.kpi").filter(has=page.get_by_role("heading", name=label, exact=True))
    return card.locator(".value")


def says_stale(page: Page) -> None:
    expect(page.locator(".stale-note")).to_have_text(re.compile(r"^Stale since \d{1,2}:\d\d"))
    expect(page.locator(".live")).to_have_text(re.compile(r"^Stale since"))
    expect(page.locator(".live")).not_to_have_attribute("data-state", "live")


def test_a_page_shows_one_version_where_the_answers_that_are_kept_have_several(
    installation: Installation, new_page: Callable[..., Any]
) -> None:
    page, _ = new_page(installation, f"/vehicles{PINNED}")
    settled(page)
    vehicles, trips = figure(page, "Active vehicles").inner_text(), figure(page, "Trips").inner_text()
    page.close()
    installation.bring("second", vehicles=9, trips_each=4)
    newer = installation.get("/api/figures/summary", **SPAN)  # the only figures of the new version that are kept
    assert str(newer["current"]["active_vehicles"]) != vehicles
    installation.stop_database()
    page, watched = new_page(installation, f"/vehicles{PINNED}")
    watched.expected = AWAY
    settled(page)
    expect(figure(page, "Active vehicles")).to_have_text(vehicles)
    expect(figure(page, "Trips")).to_have_text(trips)
    expect(page.get_by_role("table", name="Vehicles of the range").locator("tbody tr")).to_have_count(int(vehicles))
    says_stale(page)
    installation.start_database()
    expect(page.locator(".live")).to_have_text("Live")
    expect(page.locator(".stale-note")).to_be_hidden()
    expect(figure(page, "Active vehicles")).to_have_text(str(newer["current"]["active_vehicles"]))
    expect(page.get_by_role("table", name="Vehicles of the range").locator("tbody tr")).to_have_count(9)


def test_what_is_not_kept_in_the_version_of_the_page_says_so(
    installation: Installation, new_page: Callable[..., Any]
) -> None:
    span = {"start": "2024-01-01", "end": "2024-11-30"}
    metrics = installation.get("/api/vehicles/metrics", **span)
    installation.bring("third", vehicles=11, trips_each=1)
    installation.get("/api/figures/summary", **span)
    installation.get("/api/system/status")
    installation.stop_database()
    page, watched = new_page(installation, "/vehicles?range=2024-01-01..2024-11-30")
    watched.expected = AWAY
    expect(page.get_by_role("table", name="Vehicles of the range").locator("tbody tr")).to_have_count(len(metrics))
    key_figures = page.get_by_role("region", name="Key figures")
    expect(key_figures.get_by_role("alert")).to_contain_text("Not available in this version")
    expect(page.locator("article.kpi")).to_have_count(0)
    expect(page.locator(".stale-note")).to_contain_text("Some are not available in this version")
    says_stale(page)
    installation.start_database()
    expect(figure(page, "Active vehicles")).to_have_text("11")
    expect(page.locator(".live")).to_have_text("Live")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_open_page_says_when_the_database_goes_and_when_it_is_back(
    installation: Installation, new_page: Callable[..., Any]
) -> None:
    page, watched = new_page(installation, f"/vehicles{PINNED}")
    watched.expected = AWAY
    settled(page)
    shown = figure(page, "Trips").inner_text()
    expect(page.locator(".live")).to_have_text("Live")
    expect(page.locator(".stale-note")).to_be_hidden()
    installation.stop_database()
    says_stale(page)
    expect(figure(page, "Trips")).to_have_text(shown)
    installation.start_database()
    expect(page.locator(".live")).to_have_text("Live")
    expect(page.locator(".stale-note")).to_be_hidden()


def test_a_page_that_was_open_goes_back_to_the_last_complete_version(
    installation: Installation, new_page: Callable[..., Any]
) -> None:
    """The refresh reaches some panels, and then the database is gone."""
    page, watched = new_page(installation, "about:blank")
    watched.expected = AWAY
    page.clock.install()
    page.goto(f"/vehicles{PINNED}")
    settled(page)
    shown = figure(page, "Trips").inner_text()
    page.route("**/api/vehicles/metrics*", lambda route: route.fulfill(status=503, json={"title": "Database away"}))
    installation.bring("fourth", vehicles=12, trips_each=1)
    expect(page.locator(".stale-note")).to_be_visible()
    expect(figure(page, "Trips")).to_have_text(shown)
    expect(page.get_by_role("table", name="Vehicles of the range").locator("tbody tr")).to_have_count(11)
    page.unroute("**/api/vehicles/metrics*")
    page.clock.fast_forward(STALE_SECONDS * 1000)
    expect(page.get_by_role("table", name="Vehicles of the range").locator("tbody tr")).to_have_count(12)
    expect(figure(page, "Active vehicles")).to_have_text("12")
    expect(page.locator(".stale-note")).to_be_hidden()


def test_a_status_that_may_be_old_is_asked_for_again_where_no_event_announces_a_newer_one(
    installation: Installation, new_page: Callable[..., Any]
) -> None:
    """The database was back before the page listened, and a cached response was still on its way."""
    page, _ = new_page(installation, "about:blank")
    page.clock.install()
    old = {"Warning": '110 - "Response is Stale"', "Age": "60"}

    def answer(route: Route) -> None:
        fetched = route.fetch()
        route.fulfill(response=fetched, headers=fetched.headers | old)

    page.route("**/api/system/status", answer)
    page.goto("/pipeline")
    says_stale(page)
    old.clear()
    page.clock.fast_forward(STALE_SECONDS * 1000)
    expect(page.locator(".stale-note")).to_be_hidden()
    expect(page.locator(".live")).to_have_text("Live")


def test_a_refresh_is_shown_in_all_panels_at_once(installation: Installation, new_page: Callable[..., Any]) -> None:
    page, _ = new_page(installation, f"/vehicles{PINNED}")
    settled(page)
    before = figure(page, "Active vehicles").inner_text()
    held: list[Any] = []
    page.route("**/api/vehicles/metrics*", lambda route: held.append(route))
    with page.expect_response(lambda answer: "/api/figures/summary" in answer.url):
        installation.bring("fifth", vehicles=13, trips_each=1)
    wait_until(lambda: page.evaluate("1") and held)  # the page handles its events meanwhile
    assert figure(page, "Active vehicles").inner_text() == before
    page.unroute("**/api/vehicles/metrics*")  # which lets those held go on
    expect(figure(page, "Active vehicles")).to_have_text("13")
    expect(page.get_by_role("table", name="Vehicles of the range").locator("tbody tr")).to_have_count(13)
    expect(page.locator(".stale-note")).to_be_hidden()


def test_data_and_pipeline_show_what_is_known_without_the_database(
    installation: Installation, new_page: Callable[..., Any]
) -> None:
    stats = installation.get("/api/ingestion/stats")
    status = installation.get("/api/system/status")
    loaded = sum(each["files"]["loaded"] for each in stats["datasets"])
    page, watched = new_page(installation, "/data")
    watched.expected = AWAY
    rows = page.get_by_role("table", name="Rows: Vehicles").locator("tbody tr")
    datasets = page.get_by_role("group", name="Dataset")
    logs = page.get_by_role("table", name="Rows: Vehicle logs").locator("tbody tr")
    datasets.get_by_role("button", name="Vehicle logs").click()
    expect(logs.first).to_be_visible()
    datasets.get_by_role("button", name="Shipments").click()
    expect(page.get_by_role("table", name="Rows: Shipments").locator("tbody tr").first).to_be_visible()
    installation.stop_database()
    says_stale(page)
    datasets.get_by_role("button", name="Vehicle logs").click()
    expect(logs.first).to_be_visible()  # what this tab showed before
    expect(rows).to_have_count(0)
    fresh, watched = new_page(installation, "/pipeline")
    watched.expected = AWAY
    expect(figure(fresh, "Files loaded")).to_have_text(str(loaded))
    says_stale(fresh)
    expect(fresh.locator(".stale-note")).to_contain_text(
        f"Last known: {status['files']['loaded']:,} files loaded, {status['files']['failed']:,} failed, "
        f"{status['records']['loaded']:,} rows"
    )
    installation.start_database()
    expect(fresh.locator(".stale-note")).to_be_hidden()
    expect(fresh.get_by_role("table", name="Files, newest first").locator("tbody tr").first).to_be_visible()


def test_explore_and_boards_say_that_the_database_is_away(
    installation: Installation, new_page: Callable[..., Any]
) -> None:
    question = {"dataset": "shipments", "metrics": "shipments"}
    panels = [{"title": "Kept", "question": question, "chart": "auto"}]
    made = httpx2.post(f"{installation.url}/api/boards", json={"title": "Outage", "panels": panels}, trust_env=False)
    address = f"/boards/{made.json()['board_id']}{PINNED}"
    shown = {}
    for path in (f"/explore{PINNED}&dataset=shipments&metrics=shipments&grain=none", address):
        shown[path], watched = new_page(installation, path)
        watched.expected = AWAY
        settled(shown[path])
        expect(shown[path].locator(".live")).to_have_text("Live")
    figures = {path: page.locator("article.kpi .value").first.inner_text() for path, page in shown.items()}
    installation.stop_database()
    for path, page in shown.items():
        says_stale(page)
        expect(page.locator("article.kpi .value").first).to_have_text(figures[path])
    other, watched = new_page(installation, f"/explore{PINNED}&by=origin&filter=%7B%22cost%22%3A%7B%22gt%22%3A1%7D%7D")
    watched.expected = AWAY
    expect(other.get_by_role("alert").first).to_contain_text("Database unavailable")
    expect(other.locator(".live")).not_to_have_text("Live")
    installation.start_database()
    for page in shown.values():
        expect(page.locator(".live")).to_have_text("Live")
    expect(other.get_by_role("alert")).to_have_count(0)
    expect(other.locator("figure.chart[data-drawn]")).to_have_count(1)
