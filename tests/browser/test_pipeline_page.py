"""What arrives and what becomes of it: the ledger, rejects, running loads, uploads from first byte to the figures."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.orchestration.file_requests import serve_short_requests, serve_unload_requests

FILES = "Files, newest first"


def rows_of(page: Page, table: str = FILES) -> Any:
    """The rows of a table, without the lines below some of them that hold long texts."""
    return page.get_by_role("table", name=table).locator("tbody tr:not(.detail)")


def figure(page: Page, label: str) -> Any:
    return page.locator("article.kpi", has=page.get_by_role("heading", name=label, exact=True))


def transfer(page: Page, name: str) -> Any:
    return page.get_by_role("list", name="Uploads").locator("li").filter(has_text=name)


def trips(first: int, number: int, day: str = "2024-03-01") -> dict[str, list[dict[str, Any]]]:
    """So many logs with a shipment each, numbered from `first`."""
    numbers = range(first, first + number)
    return {
        "vehicle_logs": [
            {"log_id": f"L-{i}", "vehicle_id": "V-1", "trip_date": day, "mileage": 100.5, "fuel_used": 30}
            for i in numbers
        ],
        "shipments": [
            {
                "shipment_id": f"S-{i}", "origin": "Kiel", "destination": "Ulm", "weight": 10, "cost": 25.5,
                "delivery_time": 20, "log_id": f"L-{i}",
            }
            for i in numbers
        ],
    }  # fmt: skip


def write(folder: Path, name: str, records: list[dict[str, Any]] | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(records if isinstance(records, bytes) else json.dumps(records).encode())
    return path


def choose_files(page: Page, *paths: Path) -> None:
    page.locator("#upload-files").set_input_files([str(path) for path in paths])


@pytest.fixture(scope="module")
def small(new_dashboard: Callable[[], Any], dashboard: Any) -> Any:
    """An installation that tests may change; it has 20 shipments of 2024-03-01, a failed file, and no Dagster."""
    made = new_dashboard()
    for dataset, records in trips(0, 20).items():
        write(made.raw_dir, f"{dataset}.json", records)
    write(made.raw_dir, "shipments-broken.json", b'[{"shipment_id": "S-cut", ')
    strange = [
        {"vehicle_id": "V-1", "name": "Eins", "total_mileage": 5, "colour": "red"},
        {"vehicle_id": "", "name": "x"},
    ]
    write(made.raw_dir, "vehicles.json", strange)
    for name in ("vehicles.json", "vehicle_logs.json", "shipments.json"):
        made.command("load", made.raw_dir / name)
    load_failing(made, made.raw_dir / "shipments-broken.json")
    made.start()
    return made


def load_failing(dashboard: Any, path: Path) -> None:
    with pytest.raises(AssertionError, match="FAILED"):
        dashboard.command("load", path)


def test_the_ledger_shows_every_file_with_its_balance(dashboard: Any, open_page: Any) -> None:
    page = open_page("/pipeline")
    files = dashboard.get("/api/ingestion/files")["items"]
    rows = rows_of(page)
    expect(rows).to_have_count(len(files))
    for place, file in enumerate(files):
        records = file["records"]
        assert records["read"] == records["loaded"] + records["superseded"] + records["rejected"]
        numbers = [f"{records[part]:,}" for part in ("read", "loaded", "superseded", "rejected")]
        expect(rows.nth(place).locator("td.number")).to_contain_text([*numbers])
        expect(rows.nth(place)).to_contain_text("Loaded")
    stats = dashboard.get("/api/ingestion/stats")
    expect(figure(page, "Rejected")).to_contain_text(str(sum(one["records"]["rejected"] for one in stats["datasets"])))
    expect(page.get_by_text("Not balanced")).to_have_count(0)


@pytest.mark.slow
def test_files_can_be_filtered_and_the_address_says_how(small: Any, new_page: Any) -> None:
    page, _ = new_page(small, "/pipeline")
    rows = rows_of(page)
    expect(rows).to_have_count(4)
    page.get_by_role("combobox", name="State").select_option(label="Failed")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("shipments-broken.json")
    expect(page.get_by_role("table", name=FILES).locator("tr.detail")).to_contain_text("ends")
    expect(page).to_have_url(re.compile(re.escape("state=failed")))
    page.go_back()
    expect(rows).to_have_count(4)
    page.get_by_role("combobox", name="Dataset").select_option(label="Vehicles")
    expect(rows).to_have_count(1)
    expect(rows.get_by_text("New fields")).to_be_visible()
    page.get_by_role("combobox", name="Dataset").select_option(label="Any dataset")
    page.get_by_role("searchbox", name="Path begins with").fill("vehicle_")
    expect(page).to_have_url(
        re.compile("path=vehicle_")
    )  # once the typing has paused; until then one row is an old one
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("vehicle_logs")
    page.reload()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("vehicle_logs")


@pytest.mark.slow
def test_a_file_opens_at_the_side_with_its_account_drift_batches_and_rejects(small: Any, new_page: Any) -> None:
    page, _ = new_page(small, "/pipeline")
    page.get_by_role("link", name="vehicles.json", exact=True).press("Enter")
    drawer = page.get_by_role("dialog")
    expect(drawer.locator(".balance")).to_have_text("Read2=Loaded1+Superseded0+Rejected1")
    expect(drawer.get_by_text("colour").first).to_be_visible()
    expect(drawer.get_by_role("table", name="Batches of the file, newest first").locator("tbody tr")).to_have_count(1)
    expect(drawer.locator(".rejects li")).to_contain_text('"vehicle_id": ""')
    expect(drawer.locator(".rejects li")).to_contain_text("record 2, byte")
    expect(page).to_have_url(re.compile(re.escape("file=")))
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page).not_to_have_url(re.compile(re.escape("file=")))
    expect(page.get_by_role("link", name="vehicles.json", exact=True)).to_be_focused()
    page.get_by_role("link", name="shipments.json", exact=True).press("Enter")
    expect(drawer.get_by_role("heading", name="shipments.json")).to_be_visible()
    page.go_back()
    expect(drawer).to_have_count(0)
    expect(page).not_to_have_url(re.compile(re.escape("file=")))


@pytest.mark.slow
def test_a_selection_that_ends_outside_does_not_close_the_drawer_a_click_there_does(small: Any, new_page: Any) -> None:
    page, _ = new_page(small, "/pipeline")
    page.get_by_role("link", name="vehicles.json", exact=True).press("Enter")
    drawer = page.get_by_role("dialog")
    drawer.locator(".balance").hover()
    page.mouse.down()
    page.mouse.move(200, 300)
    page.mouse.up()
    expect(drawer).to_have_count(1)
    page.mouse.click(200, 300)
    expect(drawer).to_have_count(0)


@pytest.mark.slow
def test_a_notice_stands_in_front_of_the_drawer(small: Any, new_page: Any) -> None:
    page, watched = new_page(small, "/pipeline")
    watched.expected = re.compile("ERR_FAILED")
    page.route(
        "**/api/ingestion/rejects?file_id=*",
        lambda route: route.fulfill(json=route.fetch().json() | {"next_cursor": "more"}),
    )
    page.route("**/api/ingestion/rejects?*cursor=*", lambda route: route.abort())
    page.get_by_role("link", name="vehicles.json", exact=True).press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Load more").click()
    notice = page.locator(".toast")
    expect(notice).to_contain_text("The server is not responding")
    notice.click(trial=True)  # nothing lies over it


@pytest.mark.slow
def test_how_long_ago_a_file_came_goes_on_counting(small: Any, new_page: Any) -> None:
    page, _ = new_page(small, "about:blank")
    page.clock.install()
    page.goto("/pipeline")
    time = rows_of(page).locator("time").first
    expect(time).to_be_visible()
    page.clock.fast_forward("02:00:00")
    expect(time).to_contain_text("hours ago")


def test_a_reason_leads_to_its_records(dashboard: Any, open_page: Any) -> None:
    page = open_page("/pipeline")
    kinds = dashboard.get("/api/ingestion/rejects/summary", resolved="false")["items"]
    reasons = page.get_by_role("table", name="Reasons for rejection, most frequent first")
    row = reasons.locator("tbody tr").first
    expect(row).to_contain_text(kinds[0]["reason"])
    row.get_by_role("button").press("Enter")
    expect(row.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    records = page.locator(".rejects li")
    expect(records).to_have_count(min(5, kinds[0]["count"]))
    for place in range(records.count()):
        expect(records.nth(place)).to_contain_text(kinds[0]["reason"])
    expect(page).to_have_url(re.compile(re.escape("reason=")))
    page.get_by_role("button", name=f"Remove filter: {kinds[0]['reason']}").click()
    expect(page.locator(".rejects li", has_not_text=kinds[0]["reason"])).not_to_have_count(0)


@pytest.mark.slow
def test_a_load_shows_its_progress_while_it_runs(small: Any, new_page: Any) -> None:
    page, _ = new_page(small, "/pipeline")
    expect(rows_of(page)).to_have_count(4)
    expect(page.get_by_text("Nothing is being loaded.")).to_be_visible()
    with psycopg.connect(small.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, records_read, records_loaded, "
            "bytes_read, seconds, started_at, format) VALUES "
            "('shipments', 'shipments-big.ndjson', 1000, 1, 'loading', 40, 40, 400, 2, now(), 'ndjson')"
        )
        connection.execute('SELECT pg_notify(\'ingest\', \'{"file_id": 9, "path": "shipments-big.ndjson"}\')')
        bar = rows_of(page).filter(has_text="shipments-big.ndjson").get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuenow", "40")
        expect(page.get_by_role("list", name="Being loaded")).to_contain_text("20 records/s")
        connection.execute(
            "UPDATE ingest.files SET bytes_read = 900, records_read = 90, records_loaded = 90 WHERE state = 'loading'"
        )
        connection.execute('SELECT pg_notify(\'ingest\', \'{"file_id": 9, "path": "shipments-big.ndjson"}\')')
        expect(bar).to_have_attribute("aria-valuenow", "90")
        connection.execute("DELETE FROM ingest.files WHERE path = 'shipments-big.ndjson'")
        connection.execute('SELECT pg_notify(\'ingest\', \'{"file_id": 9, "path": "shipments-big.ndjson"}\')')
    expect(page.get_by_text("Nothing is being loaded.")).to_be_visible()


@pytest.mark.slow
def test_an_uploaded_file_is_seen_through_to_the_figures_without_a_reload(
    small: Any, new_page: Any, tmp_path: Path
) -> None:
    overview, _ = new_page(small, "/?range=2024-03-01..2024-03-02")
    expect(figure(overview, "Shipments").locator(".value")).to_have_text("20")
    page, _ = new_page(small, "/pipeline")
    more = trips(100, 5, day="2024-03-02")
    choose_files(page, *(write(tmp_path, f"{dataset}-march.json", records) for dataset, records in more.items()))
    expect(page.get_by_role("combobox", name="Dataset of shipments-march.json")).to_have_value("shipments")
    expect(page.get_by_role("combobox", name="Dataset of vehicle_logs-march.json")).to_have_value("vehicle_logs")
    page.get_by_role("button", name="Upload 2 files").click()
    for dataset in more:
        expect(transfer(page, f"{dataset}-march.json")).to_contain_text("Stored")
        assert (small.raw_dir / dataset / f"{dataset}-march.json").is_file()
    small.command("load", small.raw_dir / "vehicle_logs", small.raw_dir / "shipments")
    expect(transfer(page, "shipments-march.json")).to_contain_text("5 read = 5 loaded + 0 superseded + 0 rejected")
    expect(rows_of(page).filter(has_text="shipments/shipments-march.json")).to_contain_text("Loaded")
    expect(figure(page, "Records loaded")).to_contain_text("51")
    expect(figure(overview, "Shipments").locator(".value")).to_have_text("25")
    page.get_by_role("button", name="Clear finished").click()
    expect(page.locator(".transfer")).to_have_count(0)


@pytest.mark.slow
def test_files_can_be_dropped_on_the_page_and_need_a_dataset_where_the_name_tells_none(
    small: Any, new_page: Any
) -> None:
    page, _ = new_page(small, "/pipeline")
    expect(page.get_by_text("Drop files here")).to_be_visible()
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(['{"vehicle_id": "V-2", "name": "Zwei"}'], "fleet.json"));
          for (const name of ["dragenter", "drop"]) document.body.dispatchEvent(
            new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(transfer(page, "fleet.json")).to_contain_text("Choose a dataset")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_disabled()
    page.get_by_role("combobox", name="Dataset of fleet.json").select_option(label="Vehicles")
    page.get_by_role("button", name="Upload 1 file").click()
    expect(transfer(page, "fleet.json")).to_contain_text("Stored")
    small.command("load", small.raw_dir / "vehicles")
    expect(transfer(page, "fleet.json")).to_contain_text("Loaded")


def test_a_file_that_cannot_be_loaded_says_why(small: Any, new_page: Any, tmp_path: Path) -> None:
    page, _ = new_page(small, "/pipeline")
    choose_files(page, write(tmp_path, "shipments-cut.json", b'[{"shipment_id": '))
    page.get_by_role("button", name="Upload 1 file").click()
    expect(transfer(page, "shipments-cut.json")).to_contain_text("Stored")
    load_failing(small, small.raw_dir / "shipments" / "shipments-cut.json")
    expect(transfer(page, "shipments-cut.json")).to_contain_text("Failed")
    transfer(page, "shipments-cut.json").get_by_role("button", name="Details").click()
    expect(page.get_by_role("dialog").locator(".note.bad")).to_be_visible()


def test_a_name_that_is_taken_is_only_replaced_when_told_to(small: Any, new_page: Any, tmp_path: Path) -> None:
    write(small.raw_dir / "shipments", "shipments-taken.json", trips(500, 1)["shipments"])
    page, watched = new_page(small, "/pipeline")
    watched.expected = re.compile("409")
    choose_files(page, write(tmp_path, "shipments-taken.json", trips(500, 2)["shipments"]))
    page.get_by_role("button", name="Upload 1 file").click()
    entry = transfer(page, "shipments-taken.json")
    expect(entry).to_contain_text("The folder shipments has another file 'shipments-taken.json'")
    entry.get_by_role("button", name="Replace the other file").click()
    expect(entry).to_contain_text("Stored")
    assert json.loads((small.raw_dir / "shipments" / "shipments-taken.json").read_bytes())[1]["shipment_id"] == "S-501"


@pytest.mark.slow
def test_an_upload_goes_on_while_other_pages_are_looked_at(small: Any, new_page: Any, tmp_path: Path) -> None:
    page, watched = new_page(small, "/pipeline")
    watched.expected = re.compile("409|ERR_FAILED")
    held: list[Any] = []
    page.route("**/api/ingestion/uploads?*", lambda route: held.append(route))
    choose_files(page, write(tmp_path, "vehicles-later.json", [{"vehicle_id": "V-9", "name": "Neun"}]))
    page.get_by_role("button", name="Upload 1 file").click()
    expect(transfer(page, "vehicles-later.json").get_by_role("progressbar")).to_be_visible()
    page.get_by_role("link", name="Costs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Costs")
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    page.get_by_role("link", name="Pipeline").click()
    expect(transfer(page, "vehicles-later.json")).to_contain_text("Stored")


@pytest.mark.slow
def test_where_keys_are_needed_one_signs_in_with_a_key(
    new_dashboard: Callable[[], Any], dashboard: Any, new_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = new_dashboard()
    key = closed.command("keys", "create", "tester", "--scope", "read").strip().splitlines()[-1]
    monkeypatch.setenv("LOGISTICS_API_ANONYMOUS", "none")
    closed.start()
    page, watched = new_page(closed, "/pipeline")
    watched.expected = re.compile("401")
    expect(page.locator(".live")).to_have_text("Paused")
    page.get_by_role("alert").get_by_role("button", name="Sign in").click()
    dialog = page.get_by_role("dialog", name="Sign in")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    dialog.get_by_label("Key").fill("lap_wrong")
    dialog.get_by_label("Key").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("unknown, expired or revoked")
    dialog.get_by_label("Key").fill(key)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Files", exact=True)).to_be_visible()
    expect(page.locator(".account")).to_contain_text("tester")
    expect(page.get_by_text("Uploading requires an API key with the scope ingest.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("alert").get_by_role("button", name="Sign in")).to_be_visible()


# -- actions on a file ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def junk(new_dashboard: Callable[[], Any], dashboard: Any) -> Any:
    """An installation with a loaded file that has rejects and notes, a failed one, and one of no dataset."""
    made = new_dashboard()
    rows = [*(f"V-{number};Bus;1" for number in range(200)), *(f"V-{number};Bus;much" for number in range(200, 204))]
    bad = "\n".join(["Vehicle ID;name;total_mileage", *rows, ";Bus;1"])
    write(made.raw_dir / "vehicles", "fleet.csv", bad.encode())
    write(made.raw_dir / "shipments", "cut.json", b'[{"shipment_id": "S-cut", ')
    write(made.raw_dir, "readme.txt", b"nothing to load")
    made.command("load", made.raw_dir / "vehicles" / "fleet.csv")
    load_failing(made, made.raw_dir / "shipments" / "cut.json")
    with connect(made.database_url) as connection:
        found = RawFolder(made.raw_dir).look_at(made.raw_dir / "readme.txt")
        assert found is not None
        ledger.register(connection, found)
    made.start()
    return made


def serve_requests(installation: Any) -> None:
    """What the pipeline's sensor and its job do."""
    settings = Settings(database_url=installation.database_url, data_dir=installation.data_dir, retry_seconds=2)
    with connect(installation.database_url) as connection:
        serve_short_requests(connection, settings)
    serve_unload_requests(installation.database_url, load_options(settings))


def open_file(page: Page, name: str) -> Any:
    page.get_by_role("link", name=name, exact=True).press("Enter")
    drawer = page.get_by_role("dialog").first
    expect(drawer.locator(".balance")).to_be_visible()
    return drawer


@pytest.mark.slow
def test_each_file_offers_what_makes_sense_for_it(junk: Any, new_page: Any) -> None:
    page, _ = new_page(junk, "/pipeline")
    expected = {
        "vehicles/fleet.csv": ["Unload", "Download rejects"],
        "shipments/cut.json": ["Retry", "Dismiss", "Replace by upload"],
        "readme.txt": ["Dismiss"],
    }
    for name, words in expected.items():
        drawer = open_file(page, name)
        expect(drawer.get_by_role("group", name="Actions").locator(".button")).to_have_text(words)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)


@pytest.mark.slow
def test_a_file_shows_how_it_was_read_its_warning_and_its_rejects_by_reason(junk: Any, new_page: Any) -> None:
    page, _ = new_page(junk, "/pipeline")
    expect(rows_of(page).filter(has_text="fleet.csv")).to_contain_text("2.4% rejected")
    drawer = open_file(page, "vehicles/fleet.csv")
    expect(drawer.locator(".file-notes")).to_contain_text("vehicle_id")
    reasons = rows_of(page, "Reasons for rejection in this file, most frequent first")
    expect(reasons).to_have_count(2)
    expect(reasons.first).to_contain_text("total_mileage")
    expect(reasons.first).to_contain_text("4")
    with page.expect_download() as download:
        drawer.get_by_role("link", name="Download rejects").press("Enter")
    file_id = re.search(r"file=(\d+)", page.url)
    assert file_id is not None
    assert download.value.suggested_filename == f"rejects-{file_id[1]}.ndjson"
    lines = Path(download.value.path()).read_text().splitlines()
    assert [json.loads(line)["record"]["total_mileage"] for line in lines] == ["much"] * 4 + ["1"]


@pytest.mark.slow
def test_a_retry_by_keyboard_shows_that_it_waits_and_what_came_of_it(junk: Any, new_page: Any) -> None:
    page, _ = new_page(junk, "/pipeline")
    drawer = open_file(page, "shipments/cut.json")
    drawer.get_by_role("button", name="Retry").press("Enter")
    status = drawer.locator(".file-actions [role=status]")
    expect(status).to_contain_text("Retry, requested by anonymous")
    expect(status).to_contain_text("Waits for the pipeline")
    expect(drawer.get_by_role("button", name="Dismiss")).to_be_disabled()
    page.reload()
    expect(status).to_contain_text("Waits for the pipeline")
    serve_requests(junk)
    expect(status).to_contain_text("The load is requested")
    expect(drawer.get_by_role("button", name="Retry")).to_have_count(0)
    load_failing(junk, junk.raw_dir / "shipments" / "cut.json")
    expect(drawer.get_by_role("button", name="Retry")).to_be_enabled()


@pytest.mark.slow
def test_an_unload_is_confirmed_first_and_its_rows_are_gone_afterwards(junk: Any, new_page: Any) -> None:
    page, _ = new_page(junk, "/pipeline")
    drawer = open_file(page, "vehicles/fleet.csv")
    drawer.get_by_role("button", name="Unload").press("Enter")
    question = page.get_by_role("dialog", name="Unload this file?")
    expect(question).to_contain_text("vehicles/fleet.csv")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    assert junk.get("/api/ingestion/files", state="loaded")["items"][0]["records"]["loaded"] == 200
    drawer.get_by_role("button", name="Unload").press("Enter")
    question.get_by_role("button", name="Unload").press("Enter")
    expect(drawer.locator(".file-actions [role=status]")).to_contain_text("Waits for the pipeline")
    serve_requests(junk)
    expect(drawer.locator(".file-actions [role=status]")).to_contain_text("200 rows and 5 rejects are removed.")
    expect(drawer.get_by_role("button", name="Retry")).to_be_visible()
    expect(drawer.locator(".balance")).to_have_text("Read0=Loaded0+Superseded0+Rejected0")


@pytest.mark.slow
def test_a_dismissed_file_leaves_the_list_and_is_shown_with_the_others_on_demand(junk: Any, new_page: Any) -> None:
    page, _ = new_page(junk, "/pipeline")
    expect(rows_of(page).filter(has_text="readme.txt")).to_contain_text("Not recognised")
    drawer = open_file(page, "readme.txt")
    drawer.get_by_role("button", name="Dismiss").press("Enter")
    page.get_by_role("dialog", name="Dismiss this file?").get_by_role("button", name="Dismiss").press("Enter")
    expect(drawer.locator(".file-actions [role=status]")).to_contain_text("Waits for the pipeline")
    serve_requests(junk)
    expect(drawer.locator(".file-actions [role=status]")).to_contain_text("It is dismissed.")
    page.keyboard.press("Escape")
    expect(rows_of(page).filter(has_text="readme.txt")).to_have_count(0)
    page.get_by_label("Replaced and dismissed").press("Space")
    expect(rows_of(page).filter(has_text="readme.txt")).to_contain_text("Dismissed")


@pytest.mark.slow
def test_a_refusal_is_said_in_the_words_of_the_api(junk: Any, new_page: Any) -> None:
    page, watched = new_page(junk, "/pipeline")
    watched.expected = re.compile("409")
    (file,) = junk.get("/api/ingestion/files", dataset="vehicles")["items"]
    details = junk.get(f"/api/ingestion/files/{file['file_id']}") | {"actions": ["forget"]}
    page.route(f"**/api/ingestion/files/{file['file_id']}", lambda route: route.fulfill(json=details))
    drawer = open_file(page, "vehicles/fleet.csv")
    drawer.get_by_role("button", name="Dismiss").press("Enter")
    page.get_by_role("dialog", name="Dismiss this file?").get_by_role("button", name="Dismiss").press("Enter")
    expect(page.locator(".toast")).to_contain_text("Only failed and unrecognised files can be dismissed.")


@pytest.mark.slow
def test_a_failed_file_is_replaced_by_an_upload(junk: Any, new_page: Any, tmp_path: Path) -> None:
    page, _ = new_page(junk, "/pipeline")
    drawer = open_file(page, "shipments/cut.json")
    mended = write(tmp_path, "mended.json", trips(900, 3)["shipments"])
    page.locator("#replace-file").set_input_files(str(mended))
    expect(drawer).to_have_count(0)
    expect(transfer(page, "cut.json")).to_contain_text("Stored")
    assert len(json.loads((junk.raw_dir / "shipments" / "cut.json").read_bytes())) == 3
    junk.command("load", junk.raw_dir / "shipments" / "cut.json")
    expect(transfer(page, "cut.json")).to_contain_text("3 read = 3 loaded")
    row = rows_of(page).filter(has_text="shipments/cut.json")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Loaded")


@pytest.mark.slow
def test_who_may_only_read_is_offered_nothing_to_change(
    new_dashboard: Callable[[], Any], dashboard: Any, new_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = new_dashboard()
    write(closed.raw_dir, "shipments.json", b'[{"shipment_id": "S-cut", ')
    load_failing(closed, closed.raw_dir / "shipments.json")
    monkeypatch.setenv("LOGISTICS_API_ANONYMOUS", "read")
    closed.start()
    page, _ = new_page(closed, "/pipeline")
    drawer = open_file(page, "shipments.json")
    expect(drawer.locator(".note.bad")).to_be_visible()
    expect(drawer.get_by_role("group", name="Actions").locator(".button")).to_have_count(0)
