"""Uploads that go from the browser to a bucket, past the API; and through it where that is not possible."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.object_store import ACCESS_KEY, SECRET_KEY, Bucket, serving
from tests.browser.conftest import Watched
from tests.browser.test_pipeline_page import choose_files, rows_of, transfer, trips, write
from tests.browser.test_shell import settled
from tests.ports import free_port

pytestmark = pytest.mark.slow

NewPage = Callable[..., tuple[Page, Watched]]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    temporary = tempfile.TemporaryDirectory(prefix="logistics-weed-", ignore_cleanup_errors=True)
    with temporary as folder, serving(Path(folder)) as server:
        yield server.bucket()


@pytest.fixture(scope="module")
def site(new_dashboard: Callable[[], Any], bucket: Bucket) -> Any:
    """An installation whose uploads go to the bucket."""
    made = new_dashboard()
    made.variables = {"LOGISTICS_UPLOAD_PLACE": "lake", "LAKE_KEY": ACCESS_KEY, "LAKE_SECRET": SECRET_KEY}
    (made.data_dir / "sources").mkdir()
    define(made, bucket)
    made.start()
    return made


def define(site: Any, bucket: Bucket, endpoint: str | None = None) -> None:
    text = {
        "kind": "files",
        "url": f"{bucket.url}/incoming",
        "options": {"endpoint": endpoint or bucket.endpoint, "region": "us-east-1"},
        "credentials": {"accessKeyId": "env:LAKE_KEY", "secretAccessKey": "env:LAKE_SECRET"},
    }
    (site.data_dir / "sources" / "lake.yaml").write_text(json.dumps(text))


def allow(bucket: Bucket, origin: str) -> None:
    """The rules that docs/stores.md names."""
    rule = {"AllowedOrigins": [origin], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"]}
    bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": [rule]})


def upload(page: Page, path: Path) -> Any:
    settled(page)  # a panel that is filled meanwhile would move the button away from the click
    choose_files(page, path)
    page.get_by_role("button", name="Upload 1 file").click()
    return transfer(page, path.name)


def test_an_upload_goes_to_the_bucket_and_is_seen_through_to_the_end(
    site: Any, bucket: Bucket, new_page: NewPage, tmp_path: Path
) -> None:
    allow(bucket, site.url)
    page, watched = new_page(site, "/pipeline")
    path = write(tmp_path, "shipments 1.json", trips(0, 4)["shipments"])

    entry = upload(page, path)
    expect(entry).to_contain_text("The file is in the bucket of lake")
    stored = bucket.client.get_object(Bucket=bucket.name, Key="incoming/shipments/shipments 1.json")["Body"].read()
    assert stored == path.read_bytes()
    assert not any(site.raw_dir.rglob("*.json"))
    site.command("load", f"{bucket.url}/incoming")
    expect(entry).to_contain_text("4 read = 4 loaded + 0 superseded + 0 rejected")
    expect(rows_of(page).filter(has_text=f"{bucket.url}/incoming/shipments/shipments 1.json")).to_contain_text("Loaded")

    assert [url.partition("?")[0] for url in watched.outside] == [
        f"{bucket.endpoint}/{bucket.name}/incoming/shipments/shipments%201.json"
    ]
    watched.outside.clear()
    watched.expected = re.compile("409|404")  # the name is taken; no watch has read the source

    again = upload(page, path).last
    expect(again).to_contain_text("has another file 'shipments 1.json'")
    path.write_text(json.dumps(trips(0, 6)["shipments"]))
    again.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Clear finished").click()


def test_a_bucket_that_this_browser_cannot_reach_is_gone_round(
    site: Any, bucket: Bucket, new_page: NewPage, tmp_path: Path
) -> None:
    define(site, bucket, f"http://127.0.0.1:{free_port()}")
    page, watched = new_page(site, "/pipeline")
    watched.expected = re.compile("ERR_CONNECTION_REFUSED|404")

    entry = upload(page, write(tmp_path, "shipments-2.json", trips(10, 3)["shipments"]))

    expect(entry).to_contain_text("Sent through the API: The bucket of lake cannot be reached from this browser")
    expect(entry).to_contain_text("Stored")
    assert (site.raw_dir / "shipments" / "shipments-2.json").is_file()
    watched.outside.clear()
    define(site, bucket)


def test_a_place_that_takes_no_uploads_is_gone_round(
    site: Any, bucket: Bucket, new_page: NewPage, tmp_path: Path
) -> None:
    (site.data_dir / "sources" / "lake.yaml").unlink()
    page, watched = new_page(site, "/pipeline")
    watched.expected = re.compile("501")

    entry = upload(page, write(tmp_path, "shipments-3.json", trips(20, 3)["shipments"]))

    expect(entry).to_contain_text("Sent through the API: LOGISTICS_UPLOAD_PLACE is lake, but the API finds no valid")
    expect(entry).to_contain_text("Stored")
    assert (site.raw_dir / "shipments" / "shipments-3.json").is_file()
    define(site, bucket)


def test_a_bucket_whose_rules_do_not_allow_the_page_is_gone_round(
    site: Any, bucket: Bucket, new_page: NewPage, tmp_path: Path
) -> None:
    allow(bucket, "https://elsewhere.example")
    page, watched = new_page(site, "/pipeline")
    watched.expected = re.compile("CORS|ERR_FAILED|404")

    entry = upload(page, write(tmp_path, "shipments-4.json", trips(30, 3)["shipments"]))

    expect(entry).to_contain_text("or its CORS rules do not allow this page")
    expect(entry).to_contain_text("Stored")
    watched.outside.clear()
