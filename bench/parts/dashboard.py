"""What the dashboard's first page costs: time until its charts, bytes, CPU of the server; and an open tab."""

import shutil
import time
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, sync_playwright

from bench.browser import ARGUMENTS, CHROMIUM
from bench.comparing import spread
from bench.loading import load_path
from bench.part import Bench, Part
from bench.processes import cpu_seconds
from bench.results import Cell, Column, Findings, Table, Target
from bench.serving import Served, api_of
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.demo.generator import generate

WANTED_CHART_MS, WANTED_KILOBYTES, WANTED_CPU_MS = 350, 300, 20
_RECORDS = 100_000
_REPETITIONS = 10
_IDLE_SECONDS = 30
_WATCH = """
    const seen = (name, holds) => { if (!window[name] && holds()) window[name] = performance.now(); };
    new MutationObserver(() => {
        const charts = document.querySelectorAll("svg.marks, canvas.marks").length;
        seen("firstFigure", () => /\\d/.test(document.querySelector(".kpi .value")?.textContent ?? ""));
        seen("firstChart", () => charts > 0);
        seen("allCharts", () => charts >= 4);
    }).observe(document, { subtree: true, childList: true, characterData: true });
"""


@dataclass(frozen=True)
class _Load:
    """One load of the first page by a browser that has never been there. Milliseconds since the navigation began."""

    first_figure: float
    first_chart: float
    all_charts: float
    kilobytes: float
    requests: int
    cpu_ms: float


def _measure(bench: Bench) -> Findings:
    if CHROMIUM is None:
        raise RuntimeError("There is no Chromium: install one, or name it in LOGISTICS_TEST_CHROMIUM")
    records = bench.records(_RECORDS)
    bench.say(f"{records:,} logs and {records:,} shipments")
    bench.database.reset()
    folder = bench.folder / "dashboard"
    written = sum(file.records for file in generate(folder, logs=records, shipments=records, bad_every=None))
    load_path(bench, folder, written, written)
    shutil.rmtree(folder)
    refresh(bench.database.url, full=True)
    with (
        api_of(bench.database.url, bench.folder, ACCESS_LOG="none") as api,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS)) as browser,
    ):
        _load(browser, api)  # the server bundles Vega once
        bench.say("the first page, again and again")
        loads = [_load(browser, api) for _ in range(bench.repetitions(_REPETITIONS))]
        bench.say("a tab that is left open")
        alone = _idle_cpu(api)
        context = browser.new_context()
        _open(context.new_page(), api)
        time.sleep(2)
        watched = _idle_cpu(api)
        context.close()
    rows: list[list[Cell]] = []
    medians = {}
    for name, unit, values in (
        ("first figure", "ms", [load.first_figure for load in loads]),
        ("first chart", "ms", [load.first_chart for load in loads]),
        ("all charts", "ms", [load.all_charts for load in loads]),
        ("over the wire", "kB", [load.kilobytes for load in loads]),
        ("requests", "", [float(load.requests) for load in loads]),
        ("CPU of the server", "ms", [load.cpu_ms for load in loads]),
    ):
        found = spread(values)
        medians[name] = found.median
        rows.append([name, unit, found.median, str(found)])
    rows.append([f"CPU of the server in {_IDLE_SECONDS} s without a tab", "ms", alone, "–"])
    rows.append([f"CPU of the server in {_IDLE_SECONDS} s with one open", "ms", watched, "–"])
    columns = [Column("", "text"), Column("unit", "text"), Column("median", "ms"), Column("from–to", "text")]
    targets = [
        Target("first chart", "ms", "at most", WANTED_CHART_MS, medians["first chart"]),
        Target("first page over the wire, kB", "count", "at most", WANTED_KILOBYTES, medians["over the wire"]),
        Target("CPU of the server for the first page", "ms", "at most", WANTED_CPU_MS, medians["CPU of the server"]),
    ]
    return Findings([Table("The first page, cold", columns, rows)], targets)


def _load(browser: Browser, api: Served) -> _Load:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    received: list[float] = []
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.add_init_script(_WATCH)
    before = _cpu_ms(api)
    _open(page, api)
    page.wait_for_timeout(1000)  # what comes after the charts belongs to the page too
    spent = _cpu_ms(api) - before
    figure, first, every = (float(page.evaluate(name)) for name in ("firstFigure", "firstChart", "allCharts"))
    context.close()
    return _Load(figure, first, every, sum(received) / 1000, len(received), spent)


def _open(page: Page, api: Served) -> None:
    page.goto(api.url + "/")
    page.locator("svg.marks, canvas.marks").nth(3).wait_for(timeout=20_000)


def _idle_cpu(api: Served) -> float:
    before = _cpu_ms(api)
    time.sleep(_IDLE_SECONDS)
    return _cpu_ms(api) - before


def _cpu_ms(api: Served) -> float:
    return cpu_seconds(api.pid, all_threads=True) * 1000  # its pool of threads keeps them


PART = Part(
    "dashboard",
    "The dashboard",
    f"""\
The first page over {_RECORDS:,} logs and as many shipments, in headless Chromium on the same machine, each time
with an empty cache. Times are measured from the start of the navigation; bytes as transferred, including headers;
CPU is that of all threads of the API from before the navigation to one second after the last chart.""",
    _measure,
)
