"""A small file that holds more than a disk: its load ends early, says so, and is not tried again."""

import gzip
import json

import pytest

from logistics_pipeline.files import byte_stream
from logistics_pipeline.loading.options import BatchLimits
from tests.database.conftest import FolderUnderTest
from tests.database.records import shipment

BATCHES = BatchLimits(records=1000, bytes=1 << 20)


@pytest.mark.parametrize("reference_parser", [False, True])
def test_a_decompression_bomb_fails_and_what_came_before_its_limit_is_accounted_for(
    raw_folder: FolderUnderTest, monkeypatch: pytest.MonkeyPatch, reference_parser: bool
) -> None:
    monkeypatch.setattr(byte_stream, "FREE_EXPANSION_BYTES", 1 << 20)
    record = json.dumps(shipment(1)).encode() + b"\n"
    found = raw_folder.drop("shipments.ndjson.gz", gzip.compress(record * 200_000))
    changes = {"max_expansion": 5, "chunk_bytes": 65536, "reference_parser": reference_parser}

    report = raw_folder.load(found, batch=BATCHES, **changes)

    assert report.file.state == "failed"
    assert "holds more than 1,048,576 bytes" in (report.file.error or "")
    assert 0 < report.file.bytes_read <= (1 << 20) + byte_stream.BLOCK_BYTES
    assert report.file.records_read > 0 and report.file.is_balanced

    again = raw_folder.load(found, batch=BATCHES, **changes)  # somebody asks, with the limit as it was
    assert again.file.state == "failed" and again.file.records_read == report.file.records_read
