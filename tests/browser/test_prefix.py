"""Behind a real nginx that publishes the API under a path: every address of pages and answers lies below it."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Dashboard, wait_until
from tests.browser.test_shell import settled
from tests.ports import free_port

pytestmark = pytest.mark.slow  # `test_shell` opens every page in the quick suite

PREFIX = "/fleet/logistics"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
"""ReDoc asks for it, and the policy of its page keeps that from being sent."""
CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location {prefix}/ {{ proxy_pass http://127.0.0.1:{upstream}/; {more} }}
    }}
}}
"""


@contextmanager
def published(dashboard: Dashboard, more: str = "") -> Iterator[SimpleNamespace]:
    """An nginx in front of it; `url` is the address of the overview without its last slash."""
    assert NGINX is not None, "nginx is not installed"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="logistics-nginx-") as folder:
        text = CONFIGURATION.format(folder=folder, port=port, prefix=PREFIX, upstream=dashboard.port, more=more)
        (Path(folder) / "nginx.conf").write_text(text)
        process = subprocess.Popen([NGINX, "-c", f"{folder}/nginx.conf", "-e", "stderr"], stderr=subprocess.DEVNULL)
        origin = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: is_up(f"{origin}{PREFIX}/health"), 20)
            yield SimpleNamespace(url=f"{origin}{PREFIX}", origin=origin)
        finally:
            process.terminate()
            process.wait(20)


def is_up(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, verify=False).is_success
    except httpx2.TransportError:
        return False


WAYS = {
    "the proxy sends its prefix": ({}, f"proxy_set_header X-Forwarded-Prefix {PREFIX};"),
    "the prefix is set": ({"LOGISTICS_API_PREFIX": f"{PREFIX}/"}, ""),
    "nobody says it": ({}, ""),
}


QUICK = "the prefix is set"


@pytest.fixture(
    scope="module", params=[pytest.param(way, marks=() if way == QUICK else pytest.mark.slow) for way in WAYS]
)
def place(
    request: pytest.FixtureRequest, dashboard: Dashboard, new_dashboard: Callable[[], Dashboard]
) -> Iterator[SimpleNamespace]:
    variables, more = WAYS[request.param]
    system = dashboard if not variables else started(new_dashboard(), variables)
    with published(system, more) as found:
        found.is_known = request.param != "nobody says it"
        yield found


def started(system: Dashboard, variables: dict[str, str]) -> Dashboard:
    system.variables |= variables
    system.load(shipments=300, logs=300, vehicles=5)
    system.start()
    return system


PAGES = {
    "/": "Overview",
    "/vehicles": "Vehicles",
    "/costs": "Costs",
    "/pipeline": "Pipeline",
    "/data?dataset=shipments": "Data",
    "/routes?range=all": "Routes",
}


def test_every_page_opens_below_the_prefix(place: SimpleNamespace, new_page: Callable[..., Any]) -> None:
    """Each is opened by its address, and again from the navigation; nothing outside of the prefix is asked for."""
    page, _ = new_page(place, "about:blank")
    for path, heading in PAGES.items():
        page.goto(place.url + path)
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator(".live")).to_have_text("Live")
        for link in page.locator("a[href]").all():
            assert urlsplit(link.evaluate("link => link.href")).path.startswith(f"{PREFIX}/")
    for heading in ("Overview", "Routes", "Vehicles", "Costs"):
        page.get_by_role("navigation", name="Dashboard").get_by_role("link", name=heading).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert urlsplit(page.url).path.startswith(f"{PREFIX}/")
    page.get_by_role("table", name="Routes by revenue").locator("tbody a").first.click()
    expect(page.get_by_role("region", name="Key figures")).to_contain_text("Shipments")
    assert re.fullmatch(rf"{PREFIX}/routes/[^/]+/[^/]+", urlsplit(page.url).path)
    page.reload()
    settled(page)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_service_worker_is_for_the_prefix_alone(place: SimpleNamespace, new_page: Callable[..., Any]) -> None:
    page, _ = new_page(place, "about:blank")
    page.goto(f"{place.url}/my-notifications")
    settled(page)
    register = "navigator.serviceWorker.register('service-worker.js').then(({ scope }) => scope)"
    assert page.evaluate(register) == f"{place.url}/"
    wait_until(lambda: page.evaluate("true") and page.context.service_workers)
    (worker,) = page.context.service_workers
    leads_to = {"/alerts?incident=17": "/alerts?incident=17", "/../outside": "/my-notifications"}
    for path, address in leads_to.items():
        assert worker.evaluate("(path) => addressOf(path)", path) == f"{place.url}{address}"


def test_an_address_that_is_no_page_has_the_navigation(place: SimpleNamespace, new_page: Callable[..., Any]) -> None:
    page, watched = new_page(place, "about:blank")
    watched.expected = re.compile("404")
    page.goto(f"{place.url}/none/sense")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_the_documentation_works_below_the_prefix(place: SimpleNamespace, new_page: Callable[..., Any]) -> None:
    page, watched = new_page(place, "about:blank")
    page.goto(f"{place.url}/docs")
    operation = page.locator("#operations-system-read_health")
    operation.wait_for()
    if place.is_known:  # without it, OpenAPI has no way to say where its paths are
        operation.locator("button").first.click()
        operation.get_by_role("button", name="Try it out").click()
        with page.expect_response(f"{place.url}/health") as answer:
            operation.get_by_role("button", name="Execute").click()
        assert answer.value.json() == {"status": "ok"}
    with page.expect_request(LOGO):
        page.goto(f"{place.url}/redoc")
    expect(page.get_by_role("heading", name=re.compile("Logistics Analytics Platform")).first).to_be_visible()
    watched.expected = re.compile(re.escape(LOGO))
    watched.outside = [url for url in watched.outside if url != LOGO]


def test_addresses_in_answers_lie_below_the_prefix(place: SimpleNamespace) -> None:
    prefix = PREFIX if place.is_known else ""  # otherwise only pages, which are relative, are right
    with httpx2.Client(trust_env=False, verify=False) as client:
        document = client.get(f"{place.url}/openapi.json").json()
        assert document.get("servers") == ([{"url": PREFIX}] if place.is_known else None)
        index = client.get(f"{place.url}/api").json()
        addresses = [address for address in index.values() if isinstance(address, str)]
        datasets = client.get(f"{place.url}/api/datasets").json()["datasets"]
        addresses += [dataset["rows"] for dataset in datasets]
        addresses += [address for dataset in datasets for address in dataset["exports"].values()]
        assert all(address.startswith(f"{prefix}/") for address in addresses)
        if place.is_known:
            assert client.get(place.origin + index["status"]).is_success
            assert client.get(place.origin + datasets[0]["rows"]).is_success
        problem = client.get(f"{place.url}/api/none").json()
        assert problem["instance"] == f"{prefix}/api/none"
        assert f"{prefix}/docs" in problem["detail"]


def test_an_upload_is_followed_below_the_prefix(
    new_dashboard: Callable[[], Dashboard], dashboard: Dashboard, new_page: Callable[..., Any], tmp_path: Path
) -> None:
    system = new_dashboard()
    system.variables["LOGISTICS_API_PREFIX"] = PREFIX
    system.start()
    file = tmp_path / "vehicles-1.json"
    file.write_text(json.dumps([{"vehicle_id": "V-1", "name": "One", "total_mileage": 1}]))
    with published(system) as place:
        sent = httpx2.post(
            f"{place.url}/api/ingestion/uploads",
            params={"dataset": "vehicles", "filename": "a.json"},
            content=file.read_bytes(),
            trust_env=False,
        )
        assert sent.headers["location"].startswith(f"{PREFIX}/api/ingestion/uploads/")
        assert httpx2.get(place.origin + sent.headers["location"], trust_env=False, verify=False).is_success
        page, _ = new_page(place, "about:blank")
        page.goto(f"{place.url}/pipeline")
        page.locator("#upload-files").set_input_files(str(file))
        page.get_by_role("button", name="Upload 1 file").press("Enter")  # panels that come in may move it
        entry = page.get_by_role("list", name="Uploads").get_by_role("listitem").filter(has_text="vehicles-1.json")
        expect(entry).to_contain_text("Stored")
        page.close()  # before nginx stops: the page would try to open its stream of events again


@pytest.mark.parametrize(
    "more", [pytest.param(f"proxy_set_header X-Forwarded-Prefix {PREFIX};", marks=pytest.mark.slow), ""]
)
def test_a_session_lasts_below_the_prefix_only(
    new_dashboard: Callable[[], Dashboard], dashboard: Dashboard, new_page: Callable[..., Any], more: str
) -> None:
    system = new_dashboard()
    system.variables["LOGISTICS_API_ANONYMOUS"] = "none"
    system.load(shipments=300, logs=300, vehicles=5)
    key = re.search(r"lap_\w+", system.command("keys", "create", "reader", "--scope", "read"))
    assert key is not None
    system.start()
    with published(system, more) as place:
        page, watched = new_page(place, "about:blank")
        watched.expected = re.compile("401")
        page.goto(f"{place.url}/vehicles")
        page.get_by_role("alert").get_by_role("button", name="Sign in").click()
        page.get_by_label("Key").fill(key[0])
        page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("table", name="Vehicles of the range")).to_be_visible()
        (cookie,) = page.context.cookies()
        assert cookie["path"] == f"{PREFIX}/api"
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("alert").get_by_role("button", name="Sign in")).to_be_visible()
        assert page.context.cookies() == []
        page.close()


def test_a_prefix_that_is_no_path_is_ignored(dashboard: Dashboard) -> None:
    for sent in ("https://elsewhere.example", "//elsewhere.example", "/a/../b", '/a"b', "/" + "a" * 300, "/"):
        answer = httpx2.get(dashboard.url, headers={"X-Forwarded-Prefix": sent}, trust_env=False, verify=False)
        assert 'content="./"' in answer.text
        document = httpx2.get(
            f"{dashboard.url}/openapi.json", headers={"X-Forwarded-Prefix": sent}, trust_env=False, verify=False
        )
        assert "servers" not in document.json()
