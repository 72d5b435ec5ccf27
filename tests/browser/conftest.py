"""A real browser on a real server: the data is generated, loaded and refreshed by the commands a user has.

Chromium comes from the machine (`LOGISTICS_TEST_CHROMIUM`, else what is found on the path); without one these tests are
skipped. Every test fails on an error in the console, a breach of the content security policy, or a question to another
machine.
"""

import itertools
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from bench.browser import ARGUMENTS, CHROMIUM
from logistics_pipeline.database.connections import with_database
from tests.database.forking import run_command, start_api, stop
from tests.ports import free_port

SECONDS = 60.0
"""Waiting ends as soon as there is nothing to wait for, so patience costs time only where a test fails."""

_numbers = itertools.count()


class Dashboard:
    """A served installation with a database and a data folder of its own."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.data_dir = data_dir
        self.raw_dir = data_dir / "raw"
        self.raw_dir.mkdir(parents=True, exist_ok=True)
        self.variables: dict[str, str] = {}
        """Settings beside those below."""
        self._process: ForkServerProcess | None = None

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "LOGISTICS_DATABASE_URL": self.database_url,
            "LOGISTICS_DATA_DIR": str(self.data_dir),
            "LOGISTICS_API_PORT": str(self.port),
            **self.variables,
        }

    def command(self, *words: str | Path) -> str:
        """Runs `logistics …` and gives what it printed."""
        done = run_command([str(word) for word in words], self.environment, self.data_dir)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def load(self, **counts: int) -> None:
        """Generates files, loads them, and refreshes the figures."""
        options = [word for name, number in counts.items() for word in (f"--{name}", str(number))]
        self.command("generate", "--out", self.raw_dir, *options)
        self.command("load", self.raw_dir)
        self.command("refresh")

    def start(self) -> None:
        self._process = start_api(self.environment, self.data_dir / "api.log")
        wait_until(self._is_up)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.exitcode is None, (self.data_dir / "api.log").read_text()
        try:
            return httpx2.get(f"{self.url}/health", trust_env=False, verify=False).is_success
        except httpx2.TransportError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process, SECONDS)

    def get(self, path: str, **query: Any) -> Any:
        """What the API answers, to hold the page against."""
        answer = httpx2.get(self.url + path, params=query, trust_env=False, verify=False, timeout=SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.json()


def wait_until(condition: Callable[[], Any], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def new_dashboard(
    server_url: str, template: str, give_vega: Callable[[Path], None]
) -> Iterator[Callable[[], Dashboard]]:
    """Makes an installation with a migrated, empty database; not started yet."""
    made: list[Dashboard] = []

    def make() -> Dashboard:
        name = f"browser_{next(_numbers)}"
        with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        dashboard = Dashboard(with_database(server_url, name), Path(folder) / name)
        give_vega(dashboard.data_dir)
        made.append(dashboard)
        return dashboard

    with tempfile.TemporaryDirectory(prefix="logistics-browser-") as folder:
        yield make
        for dashboard in made:
            dashboard.stop()


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def needs_chromium() -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install one, or name it in LOGISTICS_TEST_CHROMIUM")


@pytest.fixture(scope="package")
def playwright(needs_chromium: None) -> Iterator[Playwright]:
    """Not for the session: as long as it lives an event loop runs in this thread, where other tests start their own."""
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def dashboard(needs_chromium: None, new_dashboard: Callable[[], Dashboard]) -> Dashboard:
    """An installation with two years of sample data, ready to be looked at. Tests only read it."""
    made = new_dashboard()
    made.load(shipments=20_000, logs=14_000, vehicles=40)
    made.start()
    return made


class Watched:
    """What a page did that it must not do."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.expected: re.Pattern[str] | None = None

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(text)

    def _request(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.outside.append(url)

    def check(self) -> None:
        assert self.outside == []
        assert [text for text in self.errors if not (self.expected and self.expected.search(text))] == []


OpenPage = Callable[..., Page]


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., tuple[Page, Watched]]]:
    """Opens pages on an installation: new_page(dashboard, path, **options of the context)."""
    opened: list[tuple[BrowserContext, Watched]] = []

    def make(dashboard: Dashboard, path: str = "/", **options: Any) -> tuple[Page, Watched]:
        settings = {"viewport": {"width": 1366, "height": 900}, "locale": "en-US", "color_scheme": "light"} | options
        context = chromium.new_context(base_url=dashboard.url, **settings)
        context.set_default_timeout(SECONDS * 1000)
        watched = Watched(dashboard.url)
        page = context.new_page()
        watched.watch(page)
        opened.append((context, watched))
        page.goto(path)
        return page, watched

    yield make
    for context, watched in opened:
        context.close()
        watched.check()


@pytest.fixture
def open_page(dashboard: Dashboard, new_page: Callable[..., tuple[Page, Watched]]) -> OpenPage:
    """open_page(path, **options): a page of the installation with sample data."""

    def open_one(path: str = "/", **options: Any) -> Page:
        page, _ = new_page(dashboard, path, **options)
        page.locator("main h1").wait_for()
        return page

    return open_one
