"""Records that are counted without being decoded: the same pages are accepted, and the same is read of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.definitions.paths import MISSING, parse_path
from logistics_pipeline.sources.definitions.reading import parse_definition
from logistics_pipeline.sources.faults import SourceFault
from logistics_pipeline.sources.pages.page_content import PageReader
from logistics_pipeline.sources.pages.record_counts import RecordCounter

DEFINITION = """\
kind: rest
baseUrl: https://api.example
resources:
  - name: trips
    path: /trips
    records: {records}
    total: meta.total
    error: error
    pagination: {{type: cursor, parameter: cursor, next: meta.next, hasMore: meta.more}}
"""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
SOME = st.sampled_from([None, True, 3, "x", [], {}, [1, {}], {"items": [1]}, {"next": "n", "total": 9, "more": False}])
PAGES = st.fixed_dictionaries(
    {},
    optional={"data": st.lists(VALUES, max_size=4) | SOME | st.fixed_dictionaries({"items": st.lists(VALUES) | SOME}),
              "meta": SOME, "error": SOME},
)  # fmt: skip


def both(records: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[PageReader, PageReader]:
    source = parse_definition(DEFINITION.format(records=records), "fleet", "fleet.yaml")
    assert isinstance(source, RestSource)
    archive = Archive(tmp_path_factory.getbasetemp())
    resource = source.resources[0]
    return PageReader(resource, archive), PageReader(resource, archive, needs_items=False)


def read(reader: PageReader, page: bytes) -> Any:
    try:
        found = reader.read("", page, {}, "the page")
    except SourceFault as fault:
        return str(fault)
    return found.records, found.next, found.has_more, found.pages, found.total


@pytest.fixture(scope="module", params=["data.items", "data", "."])
def readers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[PageReader, PageReader]:
    return both(request.param, tmp_path_factory)


@given(page=PAGES | st.lists(VALUES), change=st.none() | st.tuples(st.integers(0, 200), st.binary(max_size=2)))
def test_pages_are_read_the_same_with_and_without_their_records(
    readers: tuple[PageReader, PageReader], page: Any, change: tuple[int, bytes] | None
) -> None:
    text = json.dumps(page, ensure_ascii=False).encode("utf-8", "surrogatepass")
    if change is not None:
        place = change[0] % (len(text) + 1)
        text = text[:place] + change[1] + text[place + 1 :]
    assert read(readers[0], text) == read(readers[1], text)


@pytest.mark.parametrize(
    "page",
    [
        b'{"data": [{"a": "\xff"}]}', b'{"data": [{"a": "\\ud800"}]}', b'{"data": [{"a": "\\udc00\\ud800"}]}',
        b'{"data": [1e999999, 0.1, 123456789012345678901234567890]}', b'{"data": [1], "data": [1, 2]}',
        b'{"data": [01]}', b'{"data": [1,]}', b'{"data": [1]} x', b"", b"<html>", b'\xef\xbb\xbf{"data": [1]}',
        b'{"data": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", b'{"data": ["\x01"]}', b'{"data": [nan]}',
    ],
)  # fmt: skip
def test_pages_that_are_unusual_are_read_the_same(page: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    full, counting = both("data", tmp_path_factory)
    assert read(full, page) == read(counting, page)


def test_records_are_counted_where_they_stand() -> None:
    counter = RecordCounter.of(parse_path("data.items"), {"next": parse_path("meta.next"), "total": ()})
    assert counter is not None
    page = b'{"x": [1], "data": {"y": 1, "items": [{}, {}]}, "meta": {"next": 1.5}}'
    found = counter.count(page)
    assert found is not None
    assert (found.records, str(found.values["next"]), found.values["total"]) == (2, "1.5", MISSING)
    assert counter.count(b'{"data": {"items": {}}}') is None


@pytest.mark.parametrize(
    ("records", "value"), [("data[0].items", "next"), ("data", "data.next"), ("data", "m[0].next")]
)
def test_paths_that_count_or_cross_are_left_to_the_other_reader(records: str, value: str) -> None:
    assert RecordCounter.of(parse_path(records), {"next": parse_path(value)}) is None
