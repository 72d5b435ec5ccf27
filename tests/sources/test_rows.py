"""Pages of NDJSON and CSV: read record by record, whatever their size, and refused where they are not whole."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from logistics_core.zstd import ZstdFile
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources import archive, rows
from logistics_pipeline.sources.pulls import PullState
from tests.checkout import PROJECT_ROOT
from tests.sources.conftest import SourceUnderTest, assert_balanced
from tests.sources.server import Answer, once

ONCE = "retries: {attempts: 1}\n"
RECORDS = [{"id": f"T{number}", "note": f'ü, "{number}"\n{"n" * 50}'} for number in range(200)]


def as_ndjson(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records).encode()


def as_csv(records: list[dict[str, Any]]) -> bytes:
    lines = [",".join(records[0])]
    lines += [",".join('"' + str(value).replace('"', '""') + '"' for value in each.values()) for each in records]
    return "\r\n".join(lines).encode()


WRITTEN = {"ndjson": as_ndjson, "csv": as_csv}


def answer(source: SourceUnderTest, form: str, content: bytes, type: str = "text/plain", **keys: str) -> None:
    """What the only page of the next pull is."""
    more = "".join(f"    {key}: {each}\n" for key, each in {"format": form, **keys}.items())
    source.define_trips("none", more, ONCE)
    source.fleet.faults = [once(Answer(raw=content, headers={"Content-Type": type}))]


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("is_large", [False, True])
def test_records_are_landed_as_they_are(
    source: SourceUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch, form: str, is_large: bool
) -> None:
    if is_large:
        monkeypatch.setattr(archive, "IN_MEMORY_BYTES", 1_000)
    answer(source, form, WRITTEN[form](RECORDS))

    report = source.pull()

    assert report.pull.state is PullState.COMPLETE, report.pull.error
    assert source.landed() == RECORDS and report.pull.records == len(RECORDS)
    assert_balanced(connection)


@pytest.mark.parametrize("form", WRITTEN)
def test_the_encoding_that_the_response_names_counts(source: SourceUnderTest, form: str) -> None:
    answer(source, form, WRITTEN[form](RECORDS).decode().encode("utf-16"), "text/x; charset=UTF-16")
    assert source.pull().pull.error is None
    answer(source, form, b"\xef\xbb\xbf" + WRITTEN[form](RECORDS), "text/x; charset=no-such-thing")
    assert source.pull().pull.error is None

    assert source.landed() == RECORDS  # the second pull is unchanged


@pytest.mark.parametrize(
    ("form", "content", "said"),
    [
        ("ndjson", b'{"id": 1}\n{"id": 2', "line 2: the response is not NDJSON: Input data was truncated"),
        ("ndjson", b"<html><body>Log in</body></html>", "XML or HTML, perhaps a login. Expected: NDJSON"),
        ("ndjson", b'{"id": "\xff"}', "it is not text in utf-8"),
        ("ndjson", b'{"id": "' + b"n" * 20_000 + b'"}', "a line has more than 10,000 characters"),
        ("ndjson", b"[" * 4_000 + b"]" * 4_000, "nested too deeply"),
        ("csv", b"id,note\n1,a\n2", "line 3: the response is not CSV: 1 cells of 2"),
        ("csv", b'id,note\n1,"a\n', "the response is not CSV: unexpected end of data"),
        ("csv", b'id,note\n1,"a"b\n', "the response is not CSV: ',' expected after '\"'"),
        ("csv", b"<html>\n", "XML or HTML, perhaps a login. Expected: CSV"),
        ("csv", b"", "it is empty, and has no header"),
        ("csv", b"id,note\n" + b"n" * 20_000, "a line has more than 10,000 characters"),
    ],
)
def test_what_is_not_in_the_format_is_no_record(
    source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch, form: str, content: bytes, said: str
) -> None:
    monkeypatch.setattr(rows, "LONGEST_LINE", 10_000)
    answer(source, form, content)

    pulled = source.pull().pull

    assert pulled.state is PullState.FAILED and said in (pulled.error or ""), pulled.error


def test_an_empty_page_of_ndjson_has_no_records(source: SourceUnderTest) -> None:
    answer(source, "ndjson", b"\n")
    pulled = source.pull().pull
    assert (pulled.state, pulled.records) == (PullState.COMPLETE, 0)


@pytest.mark.parametrize("mode", ["changes", "append"])
def test_a_row_of_csv_with_more_cells_is_counted_and_not_mapped(source: SourceUnderTest, mode: str) -> None:
    answer(source, "csv", b"id,note\n1,a\n2,b,c\n\n3,d\n", mode=mode)

    pulled = source.pull().pull

    assert pulled.error is None
    assert pulled.unmapped == {"it has more cells than the header has names": 1}
    assert source.landed() == [{"id": "1", "note": "a"}, {"id": "3", "note": "d"}]


@pytest.mark.slow
@pytest.mark.parametrize("form", WRITTEN)
def test_a_page_of_a_gigabyte_is_read_in_less_than_192_mebibytes(
    source: SourceUnderTest, tmp_path: Path, form: str
) -> None:
    block = WRITTEN[form]([{"id": "T", "note": "n" * 1_000}] * 1_000)
    head, _, block = block.partition(b"\r\n") if form == "csv" else (b"", b"", block)
    block = block if block.endswith(b"\n") else block + b"\r\n"
    count = (1 << 30) // len(block) + 1
    content = (head + b"\r\n" if head else b"") + block * count
    source.fleet.faults = [once(Answer(raw=content, headers={"Content-Type": "text/plain"}))]
    source.define_trips("none", f"    format: {form}\n", f"{ONCE}maxPage: 2 GiB\ntimeout: {{page: 30m}}\n")
    definition = tmp_path / "fleet.yaml"
    definition.write_text(source.definition)
    script = (
        "import re, sys; from tests.sources.pulling_process import main; main(*sys.argv[1:]); "
        "print(re.search('VmHWM: *\\t*([0-9]+)', open('/proc/self/status').read().replace(' ', ''))[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, source.url, str(definition), str(source.folder)],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=1_200,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[1].startswith("complete"), done.stdout
    assert int(lines[2]) < 192 << 10, "kilobytes"
    (landed,) = (source.folder / "raw").rglob("*.zst")
    with ZstdFile(landed, "rb") as file:
        assert sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) == count * 1_000
