"""What holds for every page: colours, narrow screens, keyboard, accessibility, budget, outage, the first run."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx2
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_pipeline.database.connections import with_database

PAGES = [
    "/",
    "/routes",
    "/routes/Berlin/Hamburg?range=all",
    "/vehicles",
    "/costs",
    "/pipeline",
    "/data",
    "/explore?by=origin&compare=1",
]
FIRST_PAGE_BYTES = 500_000
HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def settled(page: Page) -> None:
    """Everything asked for has been answered and drawn."""
    page.locator("main h1").wait_for()
    page.wait_for_function(
        "() => !document.querySelector('[aria-busy]') && !document.querySelector('.skeleton')"
        " && [...document.querySelectorAll('figure.chart')].every((chart) => chart.dataset.drawn)"
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways_on_a_phone(open_page: Any, path: str) -> None:
    page = open_page(path, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.get_by_role("navigation", name="Dashboard")).to_be_in_viewport()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_its_screen(open_page: Any, path: str) -> None:
    page = open_page(path, viewport={"width": 1366, "height": 768})
    for width, height in ((1366, 768), (768, 1024), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width


@pytest.mark.slow
def test_every_measure_explains_itself_to_pointer_and_keyboard(dashboard: Any, open_page: Any) -> None:
    measures = {each["label"]: each for each in dashboard.get("/api/measures")["measures"]}
    for path in ("/", "/costs", "/vehicles"):
        page = open_page(path)
        settled(page)
        for card in page.locator("article.kpi").all():
            label = card.get_by_role("heading").inner_text()
            help_button = card.get_by_role("button")
            assert measures[label]["definition"].replace("`", "") in str(help_button.get_attribute("aria-label"))
            help_button.focus()
            shown = help_button.evaluate("button => getComputedStyle(button, '::after').content")
            assert measures[label]["definition"].replace("`", "")[:20] in shown


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_every_page_keeps_the_rules_of_accessibility(open_page: Any, path: str) -> None:
    page = open_page(path, reduced_motion="reduce")
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        page.wait_for_function("(colours) => document.documentElement.dataset.theme === colours", arg=colours)
        settled(page)
        results = Axe().run(page)
        assert results.violations_count == 0, f"{colours}: {results.generate_report()}"


def test_what_stands_beside_wide_pages_stands_behind_narrow_ones(open_page: Any) -> None:
    page = open_page("/costs", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    settled(page)
    page.get_by_role("button", name="Dark").tap()  # scrolls there; the navigation must not lie over it
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_in_viewport()
    expect(page.get_by_role("navigation", name="Dashboard")).to_be_in_viewport()


@pytest.mark.slow
def test_the_choice_of_colours_is_kept_and_redraws_the_charts(open_page: Any) -> None:
    page = open_page()
    settled(page)
    colour = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(colour)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(colour) != before
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    settled(page)
    page.get_by_role("button", name="System setting").click()
    assert page.evaluate(colour) == before


def test_the_page_can_be_used_by_keyboard(open_page: Any) -> None:
    page = open_page()
    settled(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="7 days")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("range=7d"))
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    menu = page.get_by_role("button", name="Data of this panel").first
    menu.press("Enter")
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()


def test_the_first_page_stays_within_its_budget(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "about:blank")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    asked: list[str] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    session.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    page.goto(dashboard.url)
    settled(page)
    assert sum(received) <= FIRST_PAGE_BYTES
    figures = [url for url in asked if "/api/" in url]
    assert len(figures) == len(set(figures)) <= 6
    asked.clear()
    received.clear()
    page.goto(f"{dashboard.url}/?range=30d")
    settled(page)
    assert sum(received) <= 60_000, "what has a hash in its address is not asked for again"


def test_a_hidden_tab_holds_no_stream(open_page: Any) -> None:
    page = open_page()
    live = page.locator(".live")
    expect(live).to_have_text("Live")
    page.evaluate(HIDDEN, arg=True)
    expect(live).to_have_text("Paused")
    page.evaluate(HIDDEN, arg=False)
    expect(live).to_have_text("Live")


@pytest.mark.parametrize("failing", ["**/api/system/status", "**/api/figures/summary*"])
def test_a_tab_that_was_hidden_when_it_should_have_tried_again_does_so_when_it_is_seen(
    dashboard: Any, new_page: Any, failing: str
) -> None:
    page, watched = new_page(dashboard, "about:blank")
    watched.expected = re.compile("503")
    problem = {"title": "Away", "status": 503, "detail": "The database is away."}
    page.route(failing, lambda route: route.fulfill(status=503, headers={"Retry-After": "5"}, json=problem))
    page.clock.install()
    page.goto("/")
    expect(page.get_by_role("alert").first).to_contain_text("The database is away.")
    page.evaluate(HIDDEN, arg=True)
    page.clock.fast_forward(60_000)
    page.unroute(failing)
    expect(page.get_by_role("alert").first).to_be_visible()
    page.evaluate(HIDDEN, arg=False)
    expect(page.locator("article.kpi").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.slow
def test_without_the_server_what_is_shown_can_be_sorted_and_other_pages_open(dashboard: Any, new_page: Any) -> None:
    page, watched = new_page(dashboard, "/")
    watched.expected = re.compile("ERR_FAILED")
    settled(page)
    page.route("**/api/**", lambda route: route.abort())
    page.get_by_role("table", name="Routes of the range").get_by_role("button", name="Shipments").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Shipments")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("link", name="Vehicles").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vehicles")
    expect(page.get_by_role("alert").first).to_contain_text("The server is not responding")
    page.unroute("**/api/**")
    expect(page.get_by_role("table", name="Vehicles of the range")).to_be_visible()


def test_a_page_opens_before_its_figures_are_there(dashboard: Any, new_page: Any) -> None:
    page, _ = new_page(dashboard, "/")
    settled(page)
    page.route("**/api/**", lambda route: None)  # held
    page.get_by_role("link", name="Vehicles").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vehicles")
    expect(page.locator(".skeleton").first).to_be_visible()
    page.unroute("**/api/**")
    settled(page)


def test_on_paper_there_is_only_what_is_read(open_page: Any) -> None:
    page = open_page(viewport={"width": 794, "height": 1123})
    settled(page)
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Dashboard")).to_be_hidden()
    expect(page.get_by_role("switch", name="Compare with previous")).to_be_hidden()
    expect(page.get_by_role("table", name="Routes of the range")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 794


@pytest.mark.slow
def test_without_files_the_page_says_how_to_begin_and_changes_by_itself(
    dashboard: Any, new_dashboard: Callable[[], Any], new_page: Any
) -> None:
    empty = new_dashboard()
    empty.start()
    page, _ = new_page(empty)
    expect(page.get_by_role("heading", name="No figures yet: drop your first files")).to_be_visible()
    expect(page.get_by_text("data/raw/vehicles.json")).to_be_visible()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    empty.load(shipments=300, logs=300, vehicles=5)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    shipments = empty.get("/api/figures/summary", **last_month(empty))["current"]["shipments"]
    expect(page.locator("article.kpi .value").first).to_have_text(f"{shipments:,}")


def last_month(dashboard: Any) -> dict[str, str]:
    end = date.fromisoformat(dashboard.get("/api/system/status")["last_day"])
    return {"start": str(end - timedelta(days=29)), "end": str(end)}


@pytest.mark.slow
def test_while_the_database_is_away_the_page_says_so_and_recovers(
    server_url: str, dashboard: Any, new_dashboard: Callable[[], Any], new_page: Any
) -> None:
    broken = new_dashboard()
    broken.load(shipments=300, logs=300, vehicles=5)
    broken.start()
    name = broken.database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        page, watched = new_page(broken)
        watched.expected = re.compile("503|Failed to load resource")
        alert = page.get_by_role("alert").first
        expect(alert).to_contain_text("database", ignore_case=True)
        expect(alert.get_by_role("button", name="Try again")).to_be_visible()
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    expect(page.locator("article.kpi").first).to_be_visible()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("range=lst-30", "range=lst-30 is not a range: it must be one of 7d, 30d, 90d, month, year, all"),
        ("range=2024-02-30..2024-03-01", "range=2024-02-30..2024-03-01 is not a range"),
        ("range=2024-03-02..2024-03-01", "The range ends before it begins: 2024-03-02 is after 2024-03-01."),
        ("range=constructor", "range=constructor is not a range"),
        ("start=2024-13-01", "start=2024-13-01 is not a day"),
        ("start=2024-01-01&end=31.1.2024", "end=31.1.2024 is not a day"),
        ("start=2024-01-01", "A range by days needs both: end is missing."),
        ("range=7d&start=2024-01-01&end=2024-01-31", "The address names two ranges"),
    ],
)
def test_a_range_that_is_none_is_an_error_on_the_page(open_page: Any, query: str, reason: str) -> None:
    page = open_page(f"/vehicles?{query}&search=V")
    expect(page.get_by_role("heading", level=1)).to_have_text("Invalid range")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(reason)
    expect(page.locator("section.panel")).to_have_count(0)
    alert.get_by_role("link", name="Show the default range").click()
    expect(page).to_have_url(re.compile(r"/vehicles\?search=V$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Vehicles")
    expect(page.get_by_role("button", name="30 days")).to_have_attribute("aria-pressed", "true")


def test_a_range_may_be_named_as_in_the_api(dashboard: Any, open_page: Any) -> None:
    span = last_month(dashboard)
    page = open_page(f"/?start={span['start']}&end={span['end']}")
    shipments = dashboard.get("/api/figures/summary", **span)["current"]["shipments"]
    expect(page.locator("article.kpi .value").first).to_have_text(f"{shipments:,}")
    page.get_by_role("link", name="Vehicles").click()
    expect(page).to_have_url(re.compile(f"start={span['start']}&end={span['end']}"))
    page.get_by_role("button", name="7 days").click()
    expect(page).to_have_url(re.compile(r"/vehicles\?range=7d$"))


@pytest.mark.parametrize("path", ["/nonsense", "/costs/2024", "/routes-old", "/a/b/c"])
def test_an_address_that_is_none_is_a_page_for_browsers_and_a_problem_for_programs(
    dashboard: Any, new_page: Any, path: str
) -> None:
    page, watched = new_page(dashboard, "about:blank")
    watched.expected = re.compile("404")
    answer = page.goto(path)
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    expect(page.get_by_role("alert")).to_contain_text(path)
    page.get_by_role("navigation", name="Dashboard").get_by_role("link", name="Costs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Costs")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    for accept in ("application/json", "*/*"):
        problem = httpx2.get(dashboard.url + path, headers={"Accept": accept}, trust_env=False, verify=False)
        assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")


def test_addresses_of_pages_answer_with_the_page_and_unknown_ones_do_not(dashboard: Any) -> None:
    with httpx2.Client(base_url=dashboard.url, trust_env=False, verify=False) as client:
        for path in ("/", "/routes", "/routes/A/B%2FC", "/vehicles/V-1", "/costs", "/pipeline", "/data"):
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert client.get(path, headers={"If-None-Match": f"W/{answer.headers['etag']}"}).status_code == 304
        (script,) = re.findall(r'type="module" src="([^"]+)"', client.get("/").text)
        for encoding in ("br", "gzip", "identity"):
            module = client.get(script, headers={"Accept-Encoding": f"{encoding}, *;q=0"})
            assert module.headers.get("content-encoding", "identity") == encoding
            assert "immutable" in module.headers["cache-control"]
            assert "rangeControl" in module.text
        assert client.head(script).headers["content-length"] != "0"
        for path in (
            "/nothing",
            "/assets/x/app.js",
            script.replace("app.js", "none.js"),
            "/index.html",
            "/../pyproject.toml",
        ):
            assert client.get(path).status_code == 404, path
        assert client.post("/").status_code == 404
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        assert client.get("/api/nothing").headers["content-type"] == "application/problem+json"
        assert client.get("/api/nothing", headers=browser).headers["content-type"] == "application/problem+json"
        assert client.get("/metrics", headers=browser).status_code == 200
        assert client.get("/docs", headers=browser).status_code == 200


@pytest.mark.slow
def test_back_and_forward_return_to_the_place_on_the_page(open_page: Any) -> None:
    page = open_page("/", viewport={"width": 1366, "height": 600})
    settled(page)
    for path, place in (("/costs", 700), ("/routes", 250)):
        page.mouse.wheel(0, place)
        page.wait_for_function("place => scrollY === place", arg=place)
        page.wait_for_timeout(300)  # until it rests, the place is not remembered
        page.evaluate("document.activeElement?.blur()")
        if path == "/costs":
            page.get_by_role("navigation", name="Dashboard").get_by_role("link", name="Costs").click()
            settled(page)
    page.go_back()
    page.wait_for_function("() => scrollY === 700")
    settled(page)
    page.go_forward()
    page.wait_for_function("() => scrollY === 250")
