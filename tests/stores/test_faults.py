"""Whatever happens while an object is read: nothing is lost, nothing is loaded twice, versions are never mixed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from bench.object_store import ACCESS_KEY, SECRET_KEY, Bucket
from bench.store_proxy import Proxy, between
from logistics_core.places import clients
from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.reading import declared_places
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileChangedError, FileError, TransientError
from logistics_pipeline.files import range_reader, s3
from logistics_pipeline.files.remote_file import RemoteFile, close_stores, store_of
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.stores.conftest import DEFINITION, opened, shipments
from tests.stores.test_s3_loads import load

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[Proxy]:
    with between(bucket.endpoint) as proxy:
        yield proxy
        close_stores()


def in_batches(options: LoadOptions, place: PlaceDefinition) -> LoadOptions:
    return replace(options, places=(place,), batch=replace(options.batch, records=2_000), chunk_bytes=1 << 16)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_cut_connections_are_mended_and_cost_little(seed: int, bucket: Bucket, proxy: Proxy) -> None:
    content = random.Random(seed).randbytes(20 << 20)
    bucket.put("a.bin", content)
    file = opened(bucket.place(endpoint=proxy.url), "a.bin")
    cuts = sorted(random.Random(seed).sample(range(1 << 16, 20 << 20), 4))
    proxy.cut_at, proxy.received = list(cuts), 0

    assert sha256(file.open().read()).digest() == sha256(content).digest()
    assert proxy.cut_at == []
    assert proxy.received <= len(content) + len(cuts) * range_reader.RANGE_BYTES + (1 << 20)


@pytest.mark.parametrize("keeps_versions", [False, True])
def test_an_object_that_is_replaced_while_it_is_read_is_never_mixed(
    keeps_versions: bool, bucket: Bucket, proxy: Proxy
) -> None:
    if keeps_versions:
        bucket.keep_versions()
    bucket.put("a.csv", b"1" * (12 << 20))
    file = opened(bucket.place(endpoint=proxy.url), "a.csv")
    proxy.received = 0
    proxy.at = [(3 << 20, lambda: bucket.put("a.csv", b"2" * (12 << 20)))]

    read = b""
    try:
        with file.open() as stream:
            while block := stream.read(1 << 16):
                read += block
    except FileChangedError:
        assert not keeps_versions, "a version that the bucket keeps can be read to its end"
    assert set(read) == {ord("1")}
    assert len(read) == 12 << 20 if keeps_versions else len(read) < 12 << 20


def test_a_silent_store_is_given_up(bucket: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (clients, s3):
        monkeypatch.setattr(module, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(clients, "BOTOCORE_ATTEMPTS", 1)
    monkeypatch.setattr(range_reader, "ATTEMPTS", 2)
    bucket.put("a.csv", b"1" * 100)
    file = opened(bucket.place(endpoint=proxy.url), "a.csv")
    proxy.is_silent = True

    begin = time.monotonic()
    with pytest.raises(TransientError):
        file.open().read()
    with pytest.raises(TransientError):
        next(store_of(file.place).pages())
    assert time.monotonic() - begin < 10


@pytest.mark.slow
def test_a_load_goes_on_after_the_store_was_away(
    bucket: Bucket, proxy: Proxy, options: LoadOptions, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The load itself is tried again, from its checkpoint on, as after a restart of the database."""
    monkeypatch.setattr(range_reader, "ATTEMPTS", 1)
    content = shipments(0, 20_000, note="x" * 150)
    bucket.put("shipments.ndjson", content)
    known = in_batches(options, bucket.place(endpoint=proxy.url))
    proxy.cut_at = [2 << 20, 3 << 20, 4 << 20]

    report = load(database_url, f"{bucket.url}/shipments.ndjson", known)

    assert report.is_loaded, report.file.error
    assert (report.file.records_read, report.file.records_loaded) == (20_000, 20_000)
    assert proxy.received < 1.8 * len(content)


def test_an_object_that_is_replaced_while_it_is_loaded_becomes_a_new_version(
    bucket: Bucket, proxy: Proxy, options: LoadOptions, database_url: str, connection: Connection
) -> None:
    bucket.put("shipments.ndjson", shipments(0, 20_000, note="old" * 50))
    new = shipments(0, 20_000, note="new" * 50)
    known = in_batches(options, bucket.place(endpoint=proxy.url))
    proxy.at = [(2 << 20, lambda: bucket.put("shipments.ndjson", new))]
    key = f"{bucket.url}/shipments.ndjson"

    first = load(database_url, key, known)
    second = load(database_url, key, known)

    assert first.file.error is not None and "is a new version" in first.file.error
    assert second.is_loaded and second.file.version == 2
    rows = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE file_id = %s) FROM raw.shipments", (second.file.file_id,)
    )
    assert rows.fetchone() == (20_000, 20_000)


def test_a_wrong_answer_to_a_range_is_not_taken(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("a.csv", b"0123456789")
    file = opened(bucket.place(), "a.csv")
    store = store_of(file.place)
    assert isinstance(store, s3.S3Store)
    get = store.client.get_object
    monkeypatch.setattr(store.client, "get_object", lambda **given: get(**(given | {"Range": "bytes=5-7"})))

    with pytest.raises(TransientError, match="bytes 5-7/10"):
        store.read("a.csv", file.version, 2, 5)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"url": "s3://there-is-none"}, "there is no such bucket"),
        ({"credentials": {"accessKeyId": "who", "secretAccessKey": SECRET_KEY}}, "does not know the access key"),
        ({"credentials": {"accessKeyId": ACCESS_KEY, "secretAccessKey": "wrong-4711"}}, "does not belong to"),
        ({"options": {"endpoint": "nonsense"}}, "nonsense"),
        ({"options": {"profile": "no-such-profile"}}, "no-such-profile"),
    ],
)
def test_refusals_say_what_to_do(changes: dict[str, object], text: str, bucket: Bucket) -> None:
    with pytest.raises(PlaceError, match=text) as refused:
        next(store_of(replace(bucket.place(), **changes)).pages())  # type: ignore[arg-type]

    assert "4711" not in str(refused.value) and SECRET_KEY not in str(refused.value)


def test_a_refused_object_fails_its_file_alone_and_says_what_to_do(
    bucket: Bucket, options: LoadOptions, database_url: str
) -> None:
    bucket.put("shipments.json", shipments(0, 3))
    known = replace(options, places=(bucket.place(),))
    found = known.folder.look_at_key(f"{bucket.url}/shipments.json")
    assert found is not None and isinstance(found.path, RemoteFile)
    wrong = replace(bucket.place(), credentials={"accessKeyId": "who", "secretAccessKey": "x"})

    report = load_file(database_url, replace(found, path=replace(found.path, place=wrong)), known)

    assert report.file.state == "failed"
    assert (report.file.error is not None and "(HTTP 403)" in report.file.error) or "denied" in str(report.file.error)


def test_secrets_that_are_missing_are_named(bucket: Bucket, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.sources_dir.mkdir()
    (settings.sources_dir / "lake.yaml").write_text(DEFINITION.format(url=bucket.url, endpoint=bucket.endpoint))
    (place,) = declared_places(settings.sources_dir)
    with pytest.raises(PlaceError, match="env:LAKE_KEY is missing"):
        store_of(place).look("a.csv")


def test_land_reads_the_copy_and_not_the_store_again(
    bucket: Bucket, options: LoadOptions, database_url: str, connection: Connection
) -> None:
    bucket.put("shipments/june.ndjson", shipments(0, 30))
    known = replace(options, places=(bucket.place(land=True),))
    found = known.folder.look_at_key(f"{bucket.url}/shipments/june.ndjson")
    assert found is not None

    report = load_file(database_url, found, known)

    (copy,) = (path for path in (options.failed_dir.with_name("landed")).rglob("*") if path.is_file())
    assert report.is_loaded, report.file.error
    assert copy.read_bytes() == shipments(0, 30)
    assert report.file.content_hash == sha256(copy.read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_killed_load_goes_on_at_its_checkpoint(
    bucket: Bucket, proxy: Proxy, database_url: str, connection: Connection, tmp_path: Path
) -> None:
    content = shipments(0, 200_000, note="x" * 250)
    bucket.put("shipments.ndjson", content)
    settings = Settings(data_dir=tmp_path / "data")
    settings.sources_dir.mkdir(parents=True)
    (settings.sources_dir / "lake.yaml").write_text(DEFINITION.format(url=bucket.url, endpoint=proxy.url))
    environment = os.environ | {
        "LOGISTICS_DATABASE_URL": database_url,
        "LOGISTICS_DATA_DIR": str(settings.data_dir),
        "LAKE_KEY": ACCESS_KEY,
        "LAKE_SECRET": SECRET_KEY,
    }
    program = [sys.executable, "-c", "from logistics_pipeline.cli import main; main()"]
    command = [*program, "load", f"{bucket.url}/shipments.ndjson", "--no-refresh"]
    done = 0
    for kill in range(4):
        with subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE) as process:
            wanted = 50_000 * (kill + 1)
            while kill < 3 and process.poll() is None and done < wanted:
                row = connection.execute("SELECT coalesce(max(records_read), 0) FROM ingest.files").fetchone()
                done = row[0] if row else 0
                time.sleep(0.01)
            if kill < 3:
                os.killpg(process.pid, signal.SIGKILL)
            _, said = process.communicate()
    assert process.returncode == 0, said.decode()

    row = connection.execute("SELECT state, records_read, records_loaded, attempts FROM ingest.files").fetchone()
    assert row is not None and row[:3] == ("loaded", 200_000, 200_000)
    assert (
        connection.execute("SELECT count(*), count(DISTINCT shipment_id) FROM raw.shipments").fetchone()
        == (200_000,) * 2
    )
    print("read twice per kill:", (proxy.received - len(content)) / 3 / (1 << 20), "MiB")
    assert proxy.received <= len(content) + 3 * (32 << 20)


def test_errors_of_a_file_are_never_program_errors(bucket: Bucket) -> None:
    bucket.put("a.csv", b"0123456789")
    file = opened(bucket.place(), "a.csv")
    bucket.delete("a.csv")

    with pytest.raises(FileError, match="removed"):
        file.open().read()
