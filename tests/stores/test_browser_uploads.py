"""Files that browsers send to a bucket: the API hands out addresses, the store takes them, the sensor finds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bench.object_store import ACCESS_KEY, SECRET_KEY, Bucket
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.definitions.in_force import sync_sources
from tests.api.conftest import Api, _serve
from tests.orchestration.conftest import System
from tests.stores.conftest import DEFINITION

ADDRESSES = "/api/ingestion/upload-addresses"


@dataclass
class Site:
    api: Api
    bucket: Bucket
    definition: Path

    def address(self, filename: str, status: int = 201, size: int = 2, **query: Any) -> dict[str, Any]:
        response = self.api.request(ADDRESSES, "POST", filename=filename, size_bytes=size, **query)
        assert response.status_code == status, response.text
        found: dict[str, Any] = response.json()
        return found


def put(address: dict[str, Any], content: bytes) -> int:
    return httpx2.put(address["url"], content=content, headers=address["headers"]).status_code


@pytest.fixture
def site(system: System, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("LAKE_KEY", ACCESS_KEY)
    monkeypatch.setenv("LAKE_SECRET", SECRET_KEY)
    system.settings.sources_dir.mkdir(exist_ok=True)
    definition = system.settings.sources_dir / "lake.yaml"
    definition.write_text(DEFINITION.format(url=f"{bucket.url}/incoming", endpoint=bucket.endpoint))
    assert system.settings.database_url is not None
    with _serve(
        system.settings.database_url, data_dir=system.settings.data_dir, upload_place="lake", upload_max_bytes=1 << 20
    ) as api:
        yield Site(api, bucket, definition)


@pytest.mark.slow
def test_a_file_is_sent_past_the_api_and_loaded(site: Site, system: System) -> None:
    content = b'[{"vehicle_id": "V1"}]'
    address = site.address("fleet 1.json", dataset="vehicles", size=len(content))

    assert address["path"] == f"{site.bucket.url}/incoming/vehicles/fleet 1.json"
    assert (address["source"], address["dataset"]) == ("lake", "vehicles")
    assert SECRET_KEY not in str(address)
    lifetime = datetime.fromisoformat(address["expires_at"]) - datetime.fromisoformat(address["made_at"])
    assert lifetime.total_seconds() == 900
    assert put(address, content) == 200
    system.settle()

    file = system.ledger()[address["path"]]
    assert (file.state, file.dataset, file.records_loaded) == ("loaded", "vehicles", 1)
    taken = site.address("fleet 1.json", 409, dataset="vehicles")
    assert taken["type"].endswith("file-exists") and f"{site.bucket.url}/incoming/vehicles" in taken["detail"]
    assert site.address("fleet 1.json", dataset="vehicles", replace=True)["path"] == address["path"]


def test_an_address_takes_one_name_and_one_size(site: Site) -> None:
    address = site.address("a.json", dataset="shipments", size=2)
    assert put(address | {"url": address["url"].replace("a.json", "b.json")}, b"[]") == 403
    assert put(address, b"[ ]") == 403
    assert "Contents" not in site.bucket.client.list_objects_v2(Bucket=site.bucket.name)
    assert put(address, b"[]") == 200


def test_names_and_sizes_are_held_to_the_rules_of_uploads(site: Site) -> None:
    for name in ("../a.json", ".hidden.json", "a/b.json", "a%2fb.json", "a.json.part", "a\n.json"):
        assert site.address(name, 422, dataset="shipments")["errors"][0]["parameter"] == "filename"
    assert "Is shipments meant?" in site.address("a.json", 422, dataset="shipmets")["detail"]
    site.address("a.json", 422, size=0, dataset="shipments")
    assert site.address("a.json", 413, size=(1 << 20) + 1, dataset="shipments")["type"].endswith("upload-too-large")


def test_a_place_of_one_dataset_takes_no_other(site: Site) -> None:
    site.definition.write_text(site.definition.read_text() + "dataset: shipments\n")

    assert site.address("june.json", dataset="shipments")["path"] == f"{site.bucket.url}/incoming/june.json"
    assert site.address("june.json", 422, dataset="vehicles")["errors"][0]["expected"].startswith("shipments")
    assert site.address("june.json", 422, folder="fuel")["errors"][0]["expected"].startswith("shipments")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "kind: rest\n", "no valid definition"),
        (lambda text: text.replace("env:LAKE_SECRET", "env:NOT_SET_AT_ALL"), "NOT_SET_AT_ALL is not set"),
        (lambda text: "kind: files\nurl: https://127.0.0.1/x/\n", "only s3://, az:// and gs://"),
    ],
)
def test_a_place_that_cannot_take_files_says_why(site: Site, change: Any, said: str) -> None:
    site.definition.write_text(change(site.definition.read_text()))

    refused = site.address("a.json", 501, dataset="shipments")

    assert refused["type"].endswith("no-upload-place") and said in refused["detail"]
    assert "POST /api/ingestion/uploads" in refused["detail"]


def test_the_page_may_send_to_the_store_of_the_place_alone(site: Site, system: System) -> None:
    page = site.api.client.get("/pipeline")
    assert f"connect-src 'self' {site.bucket.endpoint};" in page.headers["content-security-policy"]
    assert '<meta name="logistics-upload-place" content="lake">' in page.text
    site.definition.unlink()
    changed = site.api.client.get("/pipeline", headers={"If-None-Match": page.headers["etag"]})
    assert changed.status_code == 200
    assert "connect-src 'self';" in changed.headers["content-security-policy"]


def test_without_the_setting_there_are_no_addresses(database_url: str, tmp_path: Path, connection: Connection) -> None:
    with _serve(database_url, data_dir=tmp_path) as api:
        refused = api.refused(501, ADDRESSES, method="POST", filename="a.json", dataset="shipments", size_bytes=1)
        page = api.client.get("/pipeline")

    assert "LOGISTICS_UPLOAD_PLACE names none" in refused["detail"]
    assert '<meta name="logistics-upload-place" content="">' in page.text
    assert "connect-src 'self';" in page.headers["content-security-policy"]


def test_the_sensor_can_be_asked_to_look_at_the_place_at_once(
    site: Site, system: System, connection: Connection
) -> None:
    sync_sources(connection, system.settings.sources_dir)
    system.tick()

    assert site.api.request("/api/sources/lake/pull", "POST").status_code in (200, 202)

    assert ledger.take_requested_looks(connection) == ["lake"]
