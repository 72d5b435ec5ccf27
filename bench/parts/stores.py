"""A large object of an S3 store: loaded as fast as from disk, cut and replaced on the way; and many known keys."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.datasets import VEHICLE_LOGS
from bench.loading import load_path, loader_command, read_account
from bench.object_store import ACCESS_KEY, SECRET_KEY, Bucket, serving
from bench.part import Bench, Part
from bench.processes import kill_group, run, started
from bench.results import Column, Findings, Table, Target
from bench.samples import BYTES_PER_LOG, Sample, make_sample
from bench.store_proxy import Proxy, between
from logistics_pipeline.files.looks import Look
from logistics_pipeline.files.places import Place

LEAST_OF_DISK = 0.85
MOST_TWICE_MIB = 16
MOST_CPU_SECONDS = 1.0
_BYTES = 5_000_000_000
_CUTS = 20
_REPLACEMENTS = 3
_KNOWN_KEYS = 100_000
_REPETITIONS = 3
_PART_BYTES = 16 << 20
_KEY = "vehicle_logs.ndjson"
_DEFINITION = """
kind: files
url: {url}
options: {{endpoint: "{endpoint}", region: us-east-1}}
credentials: {{accessKeyId: "env:BENCH_STORE_KEY", secretAccessKey: "env:BENCH_STORE_SECRET"}}
"""


@dataclass(frozen=True)
class _Cut:
    cuts: int
    twice: int
    """Bytes that the store has sent more than once."""
    records: int
    rows: int


@dataclass(frozen=True)
class _Replaced:
    versions: int
    rows: int
    of_newest: int
    """Rows of the version that was loaded last."""


def _measure(bench: Bench) -> Findings:
    sample = make_sample(bench.folder, VEHICLE_LOGS, bench.records(_BYTES // BYTES_PER_LOG), format="ndjson")
    bench.say(f"{sample.bytes:,} bytes, {sample.records:,} records")
    folder = bench.folder / "store"
    folder.mkdir()
    with _credentials(), serving(folder, volume_mb=1024) as server:
        bucket = server.bucket()
        _upload(bucket, _KEY, sample.path)
        speed = _compare(bench, bucket, sample)
        with between(bucket.endpoint) as proxy:
            _declare(bench, bucket, proxy.url)
            cut = _load_cut(bench, bucket, proxy, sample)
            replaced = _load_replaced(bench, bucket, proxy, sample)
        keys, look_seconds = _look(bench, server.bucket())
    sample.remove()
    return _findings(sample, speed, cut, replaced, keys, look_seconds)


def _findings(
    sample: Sample, speed: list[float], cut: _Cut, replaced: _Replaced, keys: int, look_seconds: float
) -> Findings:
    size = sample.records * BYTES_PER_LOG / 2**20
    per_cut = cut.twice / cut.cuts / 2**20
    loads = Table(
        "One object of vehicle_logs, NDJSON",
        [
            Column("object, MiB", "MiB"),
            Column("rate, of that from disk", "ratio"),
            Column("cuts and kills", "count"),
            Column("read twice per cut, MiB", "MiB"),
            Column("lost", "count"),
            Column("replacements", "count"),
            Column("rows of other versions", "count"),
        ],
        [
            [
                size,
                median(speed),
                cut.cuts,
                per_cut,
                cut.records - cut.rows,
                replaced.versions - 1,
                replaced.rows - replaced.of_newest,
            ]
        ],
    )
    look = Table(
        "A look at objects that are all known",
        [Column("objects", "count"), Column("CPU, s", "seconds"), Column("CPU for 100,000, s", "seconds")],
        [[keys, look_seconds, look_seconds / keys * _KNOWN_KEYS]],
    )
    return Findings(
        [loads, look],
        [
            Target("S3 object: rate, of that from disk", "ratio", "at least", LEAST_OF_DISK, median(speed)),
            Target("S3 object: records lost by cuts and kills", "count", "at most", 0, abs(cut.records - cut.rows)),
            Target(
                "S3 object: rows of other versions", "count", "at most", 0, abs(replaced.rows - replaced.of_newest)
            ),
            Target("S3 object: read twice per cut, MiB", "MiB", "at most", MOST_TWICE_MIB, per_cut),
            Target(
                "a look at 100,000 known objects, CPU", "seconds", "at most", MOST_CPU_SECONDS,
                look_seconds / keys * _KNOWN_KEYS,
            ),
        ],
    )  # fmt: skip


# -- loads -----------------------------------------------------------------------------------------------------------


def _compare(bench: Bench, bucket: Bucket, sample: Sample) -> list[float]:
    """The rate of the load from the store as a share of that from disk, in alternating runs."""
    _declare(bench, bucket, bucket.endpoint)
    shares = []
    for _ in range(bench.repetitions(_REPETITIONS)):
        rates = []
        for path in (sample.path, f"{bucket.url}/{_KEY}"):
            bench.database.reset()
            rates.append(load_path(bench, path, sample.records, sample.good).rate)
        shares.append(rates[1] / rates[0])
        bench.say(f"{rates[0]:,.0f} records/s from disk, {rates[1]:,.0f} from the store")
    return shares


def _load_cut(bench: Bench, bucket: Bucket, proxy: Proxy, sample: Sample) -> _Cut:
    """Every other time the connection is cut, otherwise all processes of the loader are killed."""
    bench.database.reset()
    marks = [sample.bytes * (number + 1) // (_CUTS + 1) for number in range(_CUTS)]
    kills, proxy.received = marks[1::2], 0
    proxy.cut_at = marks[::2]
    url = f"{bucket.url}/{_KEY}"
    for mark in kills:
        with started(loader_command(bench, url)) as process:
            # What the load was given twice counts as well, so the marks move with it.
            _until(lambda mark=mark: _committed(bench) >= mark)  # type: ignore[misc]
            kill_group(process)
        bench.database.wait_until_idle()
    account = read_account(run(loader_command(bench, url)))
    if account["error"]:
        raise RuntimeError(f"Cut {_CUTS} times, the load did not come to its end: {account}")
    rows = bench.database.count(VEHICLE_LOGS.table)
    return _Cut(_CUTS, max(0, proxy.received - sample.bytes), sample.good, rows)


def _committed(bench: Bench) -> int:
    return int(bench.database.value("SELECT coalesce(max(bytes_read), 0) FROM ingest.files"))


def _until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 1_800
    while not is_done():
        if time.monotonic() > deadline:
            raise RuntimeError("The load stood still before it could be killed.")
        time.sleep(0.01)


def _load_replaced(bench: Bench, bucket: Bucket, proxy: Proxy, sample: Sample) -> _Replaced:
    """Each load finds the object replaced on the way, by one with the same records; the last one is left alone."""
    bench.database.reset()
    url, size = f"{bucket.url}/{_KEY}", sample.bytes
    for number in range(_REPLACEMENTS):
        with sample.path.open("ab") as grown:
            grown.write(b"\n" * (number + 1))  # another content, the same records
        proxy.received = 0
        proxy.at = [(size * (number + 1) // 5, lambda: _upload(bucket, _KEY, sample.path))]
        account = read_account(run(loader_command(bench, url)))
        if not account["error"]:
            raise RuntimeError(f"The load did not see that the object was replaced: {account}")
    account = read_account(run(loader_command(bench, url)))
    if account["error"]:
        raise RuntimeError(f"The newest version was not loaded: {account}")
    newest = "SELECT count(*) FROM raw.vehicle_logs WHERE file_id = (SELECT max(file_id) FROM ingest.files)"
    return _Replaced(
        bench.database.value("SELECT count(*) FROM ingest.files"),
        bench.database.count(VEHICLE_LOGS.table),
        bench.database.value(newest),
    )


# -- looks -----------------------------------------------------------------------------------------------------------


def _look(bench: Bench, bucket: Bucket) -> tuple[int, float]:
    """CPU seconds of a look at objects that the look before has seen."""
    keys = bench.records(_KNOWN_KEYS)
    bench.say(f"{keys:,} objects are stored")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: bucket.put(f"vehicle_logs/{number:07}.json", b"[]"), range(keys)))
    look = Look(Place(bucket.place()))
    look.go_on(look.clock() + 3_600)
    before = time.process_time()
    look.go_on(look.clock() + 3_600)
    seconds = time.process_time() - before
    if look.files is None or len(look.files) != keys:
        raise RuntimeError(f"The look found {len(look.files or ()):,} of {keys:,} objects")
    return keys, seconds


# -- the store -------------------------------------------------------------------------------------------------------


def _upload(bucket: Bucket, key: str, path: Path) -> None:
    """Stores a file by parts; it replaces the object at once, when all are there."""
    where = {"Bucket": bucket.name, "Key": key}
    upload = bucket.client.create_multipart_upload(**where)["UploadId"]
    parts: list[dict[str, object]] = []
    with path.open("rb") as file:
        while block := file.read(_PART_BYTES):
            number = len(parts) + 1
            part = bucket.client.upload_part(**where, UploadId=upload, PartNumber=number, Body=block)
            parts.append({"ETag": part["ETag"], "PartNumber": number})
    bucket.client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})


def _declare(bench: Bench, bucket: Bucket, endpoint: str) -> None:
    folder = bench.folder / "sources"
    folder.mkdir(exist_ok=True)
    (folder / "lake.yaml").write_text(_DEFINITION.format(url=bucket.url, endpoint=endpoint))


@contextmanager
def _credentials() -> Iterator[None]:
    """In the environment, as loaders are given them."""
    os.environ |= {"BENCH_STORE_KEY": ACCESS_KEY, "BENCH_STORE_SECRET": SECRET_KEY}
    try:
        yield
    finally:
        del os.environ["BENCH_STORE_KEY"], os.environ["BENCH_STORE_SECRET"]


PART = Part(
    "stores",
    "Objects of an S3 store",
    """\
SeaweedFS on the same machine. One object is loaded as fast as the same file from disk (alternating runs); then through
a proxy that cuts the connection ten times, while the loader is killed (SIGKILL) ten times: what is missing in the table
afterwards, and how many bytes the store has sent more than once, for each cut. Then it is replaced three times while
it is loaded: rows that are not of the newest version would be a mixture. A look is what the file sensor does at a
place: list all objects, and compare them with those that it knows.""",
    _measure,
)
