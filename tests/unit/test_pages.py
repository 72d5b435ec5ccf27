"""Pages of an API, saved one after the other: every page's records are read once, or the file fails saying why."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_core import zstd
from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.reader import Checkpoint, check_format, detect_format
from logistics_pipeline.loading.parse.chunks import Chunk
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks
from tests.datasets import DATASETS, VEHICLES

MAX_RECORD_BYTES = 1 << 20


def read_file(
    path: Path,
    content: bytes,
    *,
    dataset: Dataset = VEHICLES,
    after: Checkpoint = Checkpoint(),  # noqa: B008
    chunk_bytes: int = 100_000,
    reference: bool = False,
) -> list[Chunk]:
    path.write_bytes(content)
    found = detect_format(path, dataset, DATASETS, MAX_RECORD_BYTES)
    check_format(path, found, dataset, MAX_RECORD_BYTES)
    task = ReadTask(
        path, dataset, found.layout, 1, after, None, chunk_bytes, MAX_RECORD_BYTES, reference_parser=reference
    )
    return list(read_chunks(task))


def keys_of(chunks: list[Chunk]) -> list[str]:
    return [line.split("\t")[0] for chunk in chunks for line in chunk.text.decode().splitlines()]


def errors_of(chunks: list[Chunk]) -> list[str]:
    return [str(chunk.error) for chunk in chunks if chunk.error is not None]


def pages(sizes: list[int], wrap: Callable[[int, list[Any]], object]) -> tuple[list[object], list[str]]:
    """Documents of pages with that many records each, and the keys of all records."""
    keys = [[f"V{page}-{index}" for index in range(size)] for page, size in enumerate(sizes)]
    documents = [wrap(page, [{"vehicle_id": key, "name": "n"} for key in own]) for page, own in enumerate(keys)]
    return documents, [key for own in keys for key in own]


WRAPPERS: dict[str, Callable[[int, list[Any]], object]] = {
    "number before, link after": lambda page, rows: {"page": page, "data": rows, "next": page + 1},
    "nested": lambda page, rows: {"data": {"total": 9, "rows": rows, "x": [1, {"rows": []}]}, "rows": [page]},
    "named": lambda page, rows: {"vehicles": rows, "errors": [], "meta": {"vehicles": [7]}},
    "bare": lambda page, rows: {"items": rows},
}
JOINED = {
    "one per line": lambda documents: "\n".join(map(json.dumps, documents)),
    "one per line, CRLF, blank lines": lambda documents: "\r\n\r\n".join(map(json.dumps, documents)) + "\r\n",
    "pretty-printed": lambda documents: "\n".join(json.dumps(document, indent=2) for document in documents),
    "without a gap": lambda documents: "".join(map(json.dumps, documents)),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("joined", JOINED.values(), ids=JOINED)
@pytest.mark.parametrize("sizes", [[3, 3, 3], [1, 0, 2], [0, 2], [40, 1, 300]], ids=str)
def test_every_page_is_read(
    tmp_path: Path, wrap: Callable[[int, list[Any]], object], joined: Callable[[Any], str], sizes: list[int]
) -> None:
    documents, keys = pages(sizes, wrap)
    content = joined(documents).encode()

    for packed in (content, gzip.compress(content), zstd.compress(content)):
        for reference in (False, True):
            chunks = read_file(tmp_path / "f", packed, reference=reference)
            assert errors_of(chunks) == []
            assert keys_of(chunks) == keys


@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any),
    wrap=st.sampled_from(list(WRAPPERS.values())),
    joined=st.sampled_from(list(JOINED.values())),
    chunk_bytes=st.sampled_from([1, 20, 100, 400]),
    data=st.data(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_load_resumes_inside_any_page_and_reads_the_rest_once(
    tmp_path: Path, sizes: list[int], wrap: Any, joined: Any, chunk_bytes: int, data: st.DataObject
) -> None:
    documents, keys = pages(sizes, wrap)
    content = joined(documents).encode()
    path = tmp_path / "f"
    whole = read_file(path, content, chunk_bytes=chunk_bytes, reference=data.draw(st.booleans()))
    assert keys_of(whole) == keys

    for after in {data.draw(st.sampled_from([Checkpoint(), *(chunk.checkpoint for chunk in whole)]))}:
        assert after.records == 0 or content[: after.offset].endswith(b"}")
        for reference in (False, True):
            rest = read_file(path, content, after=after, chunk_bytes=chunk_bytes, reference=reference)
            assert (errors_of(rest), keys_of(rest)) == ([], keys[after.records :])
            numbers = [line.split("\t")[-2] for chunk in rest for line in chunk.text.decode().splitlines()]
            assert numbers == [str(number) for number in range(after.records + 1, len(keys) + 1)]


def test_rejects_on_any_page_have_their_place_in_the_file(tmp_path: Path) -> None:
    content = b'{"data":[{"vehicle_id":"1"}]}\n{"data":[{"vehicle_id":2}, {"vehicle_id":"3"}]}\n{"data":[{}]}'

    for reference in (False, True):
        rejects = [
            reject.raw_record
            for chunk in read_file(tmp_path / "f", content, reference=reference)
            for reject in chunk.rejects
        ]
        assert [(raw.record_no, raw.raw) for raw in rejects] == [(2, b'{"vehicle_id":2}'), (4, b"{}")]
        for raw in rejects:
            assert raw.byte_offset is not None
            assert content[raw.byte_offset :].startswith(raw.raw)


PAGE = '{"data":[{"vehicle_id":"1"}]}'


@pytest.mark.parametrize(
    "last, message",
    [
        ('{"dat":[{"vehicle_id":"2"}]}', "A page has no array under data"),
        ('{"data":{"rows":[{"vehicle_id":"2"}]}}', "A page has no array under data"),
        ('{"error":"too many requests","code":429}', "A page has no array under data"),
        ("[1]", "What follows a page is not a page"),
        ('"x"', "What follows a page is not a page"),
        (',{"data":[{"vehicle_id":"2"}]}', "Not JSON"),
        ("rubbish", "Not JSON"),
        ('{"data":[', "ends in the middle"),
        ('{"da', "ends in the middle"),
        ('{"data":[]', "ends in the middle"),
    ],
)
def test_a_page_of_another_shape_fails_the_file_there(tmp_path: Path, last: str, message: str) -> None:
    for reference in (False, True):
        chunks = read_file(tmp_path / "f", f"{PAGE}\n{PAGE}\n{last}".encode(), reference=reference)
        assert keys_of(chunks) == ["1", "1"]
        (error,) = errors_of(chunks)
        assert message in error


def test_a_null_in_place_of_the_array_is_an_empty_page(tmp_path: Path) -> None:
    content = f'{PAGE}\n{{"data":null}}\n{PAGE}'.encode()

    for reference in (False, True):
        assert keys_of(read_file(tmp_path / "f", content, reference=reference)) == ["1", "1"]


@pytest.mark.parametrize("lines", [[PAGE, '{"vehicle_id":"2"}'], [PAGE, PAGE, '{"vehicle_id":"2"}', PAGE]])
def test_records_among_pages_fail_the_file(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(FileError, match="mixes records with objects"):
        read_file(tmp_path / "f", "\n".join(lines).encode())


def test_records_that_hold_an_array_are_no_pages(tmp_path: Path) -> None:
    content = b'{"tags":["x"],"name":"n"}\n{"vehicle_id":"2","tags":[{"vehicle_id":"3"}]}\n'

    chunks = read_file(tmp_path / "f", content)
    assert keys_of(chunks) == ["2"]
    assert [reject.raw_record.record_no for chunk in chunks for reject in chunk.rejects] == [1]
