"""Objects of a bucket are loaded as files of the raw folder are, always one version of each."""

from dataclasses import replace
from hashlib import sha256

import pytest

from bench.object_store import Bucket
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.loader import LoadReport, load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.stores.conftest import shipments


def load(url: str, key: str, options: LoadOptions) -> LoadReport:
    found = options.folder.look_at_key(key)
    assert found is not None
    return load_file(url, found, options)


@pytest.mark.slow
def test_an_object_is_loaded_with_its_url_as_key(
    bucket: Bucket, lake: LoadOptions, database_url: str, connection: Connection
) -> None:
    content = shipments(0, 50)
    etag = bucket.put("shipments/june.ndjson", content)

    report = load(database_url, f"{bucket.url}/shipments/june.ndjson", lake)

    assert report.is_loaded, report.file.error
    file = report.file
    assert (file.path, file.dataset, file.version) == (f"{bucket.url}/shipments/june.ndjson", "shipments", 1)
    assert (file.place, file.etag, file.size_bytes) == (f"{bucket.url}/", etag, len(content))
    assert file.content_hash == sha256(content).hexdigest()
    assert connection.execute("SELECT count(*) FROM raw.shipments").fetchone() == (50,)


def test_an_object_that_was_loaded_is_not_loaded_again(bucket: Bucket, lake: LoadOptions, database_url: str) -> None:
    bucket.put("shipments.ndjson", shipments(0, 9))
    key = f"{bucket.url}/shipments.ndjson"
    load(database_url, key, lake)

    assert load(database_url, key, lake).was_loaded_before


@pytest.mark.parametrize("in_own_process", [False, True])
def test_a_large_object_is_read_by_ranges_and_hashed_meanwhile(
    in_own_process: bool, bucket: Bucket, lake: LoadOptions, database_url: str, connection: Connection
) -> None:
    content = shipments(0, 30_000, note="x" * 200)
    bucket.put("shipments.ndjson", content)
    options = replace(
        lake,
        batch=replace(lake.batch, records=10_000, bytes=4 << 20),
        own_process_bytes=0 if in_own_process else 1 << 40,
    )

    report = load(database_url, f"{bucket.url}/shipments.ndjson", options)

    assert report.is_loaded, report.file.error
    assert report.file.content_hash == sha256(content).hexdigest()
    assert connection.execute("SELECT count(*) FROM raw.shipments").fetchone() == (30_000,)


def test_a_replaced_object_is_a_new_version(bucket: Bucket, lake: LoadOptions, database_url: str) -> None:
    key = f"{bucket.url}/shipments.ndjson"
    bucket.put("shipments.ndjson", shipments(0, 9))
    load(database_url, key, lake)
    bucket.put("shipments.ndjson", shipments(1, 10))  # the same size

    report = load(database_url, key, lake)

    assert (report.is_loaded, report.file.version) == (True, 2)


def test_an_object_that_is_stored_again_as_it_was_is_not_loaded_again(
    bucket: Bucket, lake: LoadOptions, database_url: str
) -> None:
    key = f"{bucket.url}/shipments.ndjson"
    bucket.put("shipments.ndjson", shipments(0, 9))
    load(database_url, key, lake)
    bucket.put("shipments.ndjson", shipments(0, 9))

    report = load(database_url, key, lake)

    assert (report.was_loaded_before, report.file.version) == (True, 1)


def test_an_object_that_is_gone_fails_its_file(
    bucket: Bucket, lake: LoadOptions, database_url: str, connection: Connection
) -> None:
    bucket.put("shipments.ndjson", shipments(0, 9))
    found = lake.folder.look_at_key(f"{bucket.url}/shipments.ndjson")
    assert found is not None
    ledger.register(connection, found)
    bucket.delete("shipments.ndjson")

    report = load_file(database_url, found, lake)

    assert report.file.state is FileState.FAILED
    assert report.file.error is not None and "removed" in report.file.error
