"""One SeaweedFS server for all tests of a session, one bucket for each test."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.object_store import ACCESS_KEY, SECRET_KEY, Bucket, Weed, serving
from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.files import range_reader
from logistics_pipeline.files.remote_file import RemoteFile, close_stores, store_of
from logistics_pipeline.loading.options import LoadOptions
from tests.orchestration.conftest import _sqlite_does_not_wait_for_the_disk, empty_storage, system  # noqa: F401

DEFINITION = """
kind: files
url: {url}
options: {{endpoint: "{endpoint}", region: us-east-1}}
credentials: {{accessKeyId: "env:LAKE_KEY", secretAccessKey: "env:LAKE_SECRET"}}
"""


@pytest.fixture(scope="session")
def weed() -> Iterator[Weed]:
    temporary = tempfile.TemporaryDirectory(prefix="logistics-weed-", ignore_cleanup_errors=True)
    with temporary as folder, serving(Path(folder)) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_connections_left() -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture
def bucket(weed: Weed) -> Bucket:
    return weed.bucket()


@pytest.fixture
def lake(bucket: Bucket, options: LoadOptions) -> LoadOptions:
    """Loader options with the bucket of the test as a place."""
    return replace(options, places=(bucket.place(),), chunk_bytes=64 * 1024)


@pytest.fixture
def declared(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the bucket, below `incoming`, as a place."""
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("LAKE_KEY", ACCESS_KEY)
    monkeypatch.setenv("LAKE_SECRET", SECRET_KEY)
    (tmp_path / "home" / "sources").mkdir(parents=True)
    text = DEFINITION.format(url=f"{bucket.url}/incoming", endpoint=bucket.endpoint)
    (tmp_path / "home" / "sources" / "lake.yaml").write_text(text)
    return tmp_path / "home"


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed requests are made again at once."""
    monkeypatch.setattr(range_reader, "FIRST_PAUSE_SECONDS", 0.001)


def opened(place: PlaceDefinition, key: str) -> RemoteFile:
    """A file of a place in the version that it has now."""
    version = store_of(place).look(key)
    assert version is not None
    return RemoteFile(place, key, version)


def shipments(first: int, last: int, **values: Any) -> bytes:
    """Records as NDJSON, with numbers from `first` to before `last`."""
    lines = (
        {"shipment_id": f"S{number}", "origin": "Lyon", "destination": "Turin", "log_id": "L1", **values}
        for number in range(first, last)
    )
    return "".join(json.dumps(each) + "\n" for each in lines).encode()
