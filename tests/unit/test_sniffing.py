"""What a file is, told from its content: every layout, every wrong shape, and wrappers that look like records."""

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.layouts import ElementsLayout, Unreadable
from tests.datasets import DATASETS, SHIPMENTS, VEHICLE_LOGS, VEHICLES

V1, V2 = '{"vehicle_id": "1"}', '{"vehicle_id": "2"}'
BOTH = [{"vehicle_id": "1"}, {"vehicle_id": "2"}]


@pytest.mark.parametrize(
    "content, layout",
    [
        (f"[{V1},{V2}]", "json array"),
        (f"\ufeff \r\n\t[\n{V1}\n,{V2}]", "json array"),
        (f"{V1}\n{V2}", "ndjson"),
        (f"\ufeff\n{V1}\r\n\r\n{V2}\r\n", "ndjson"),
        (V1 + V2, "json objects"),
        (f"{V1} {V2}", "json objects"),
        (f"{V1}\r{V2}\r", "json objects"),
        ('{\n"vehicle_id": "1"\n}\n{\n"vehicle_id":\n"2"}', "json objects"),
        (f'{{"vehicle_id":\n"1"}} {V2}', "json objects"),
        (f'{V1}\n{{\n  "vehicle_id": "2"\n}}\n', "json objects"),
        (f'{V1}\r\n\r\n{{"vehicle_id":\r\n"2"}}', "json objects"),
        (f'{{"data": [{V1}, {V2}]}}', "json array under data"),
        (f'{{\n"a": {{"b": {{"c": [\n{V1},\n{V2}\n]}}}}}}\n', "json array under a.b.c"),
        (f'{{"": {{"": [{V1}, {V2}]}}}}', "json array under ."),
        (f'{{"a.b": [{V1}, {V2}]}}', "json array under a.b"),
        ("vehicle_id\n1\n2\n", "csv with commas"),
        ('"vehicle_id"\r\n"1"\r\n2', "csv with commas"),
        ("vehicle_id\r1\r2", "csv with commas"),
    ],
)
def test_every_layout_is_recognised(read_content: Any, content: str, layout: str) -> None:
    for block_bytes in (1, 1000):
        outcome = read_content(content.encode(), block_bytes=block_bytes)
        assert (outcome.format, outcome.error) == (layout, None)
        assert outcome.values == BOTH


@pytest.mark.parametrize("first", ['["no", "object"]', "[]", "[[{}]]", '"text"', "12", "null", "true", " [ 1, 2 ]\r"])
def test_a_first_line_that_is_no_object_is_a_bad_record_in_a_good_file(read_content: Any, first: str) -> None:
    for rest in (f"{V1}\n{V2}\n", f"{V1}\n{V2}"):
        outcome = read_content(f"{first}\n{rest}".encode())
        assert (outcome.format, outcome.error, outcome.values[1:]) == ("ndjson", None, BOTH)


def test_a_page_of_records_before_lines_of_records_is_no_bad_record(read_content: Any) -> None:
    outcome = read_content(f"[{V1}]\n{V2}\n{V2}\n".encode())
    assert outcome.error is not None and outcome.values == BOTH[:1]


@pytest.mark.parametrize("content", [b"", b" ", b"\n\r\n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_nothing_at_all_is_an_empty_file(read_content: Any, content: bytes) -> None:
    assert "The file is empty" in str(read_content(content).error)


@pytest.mark.parametrize(
    "content",
    [
        b'"scalar"',
        b"1",
        b"null",
        b"NaN",
        b"{}",
        b'{"foo": 1}',
        b'{"foo": {"bar": "x"}}',
        b'{"a": [{"x": 1}], "b": [{"x": 2}]}',
        b"{",
        b'{"a"',
        b'{"data": [',
        b'{"data": {"x": 1}',
        b'{"vehicle_id": "1"',
        b'{"data": nonsense}',
        b"}",
        b"]",
        b"<html></html>",
        b"Dear colleague,\nplease find attached\n",
        b"\x00\x01\x02",
        bytes(range(256)),
        b"{\xff\xfe",
        b"abc\rdef\nvehicle_id",
    ],
)
@pytest.mark.parametrize("dataset", DATASETS.values(), ids=str)
def test_whatever_it_is_not_is_said_and_nothing_is_read(read_content: Any, content: bytes, dataset: Dataset) -> None:
    outcome = read_content(content, dataset)

    assert outcome.records == []
    assert isinstance(outcome.error, FileError)
    assert "\0" not in str(outcome.error)
    str(outcome.error).encode()


@settings(deadline=None, max_examples=200)
@given(content=st.binary(max_size=60), start=st.sampled_from([b"", b"{", b"[", b'{"data":[', b"vehicle_id\n", b'{"']))
def test_rubbish_is_a_file_error_or_records_but_never_a_crash(read_content: Any, content: bytes, start: bytes) -> None:
    outcome = read_content(start + content)

    str(outcome.error).encode()
    assert outcome.error is not None or outcome.format


def test_a_megabyte_of_noise_is_refused_at_once(read_content: Any) -> None:
    assert read_content(b"\x01" + os.urandom(1 << 20)).error is not None


def test_an_empty_array_is_a_file_without_records(read_content: Any) -> None:
    for content in (b"[]", b" [ \n] ", b'{"data": []}', b'{"vehicles":[]}', b'{"name": "export", "vehicles": []}'):
        outcome = read_content(content)
        assert (outcome.records, outcome.error) == ([], None)


# -- NDJSON with broken lines ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken", ['{"vehicle_id": "0",}', '{"vehicle_id": }', '{"vehicle_id": "0', '{"x": {"a": 1}', "{"]
)
def test_ndjson_may_begin_with_a_broken_line(read_content: Any, broken: str) -> None:
    outcome = read_content(f"{broken}\n{V1}\n{V2}\n".encode())

    assert outcome.format == "ndjson"
    assert outcome.error is None
    assert isinstance(outcome.values[0], Unreadable)
    assert outcome.values[1:] == BOTH


@pytest.mark.parametrize("broken", ["nonsense", '{"vehicle_id": "0"', "}", "\f", "[]", '{"a": 1} {"b": 2}'])
def test_ndjson_may_hold_a_broken_line_anywhere_else(read_content: Any, broken: str) -> None:
    outcome = read_content(f"{V1}\n{broken}\n{V2}\n".encode())

    assert (outcome.format, outcome.error) == ("ndjson", None)
    assert [outcome.values[0], outcome.values[2]] == BOTH
    assert not isinstance(outcome.values[1], dict)


def test_ndjson_may_begin_with_a_record_without_its_key(read_content: Any) -> None:
    outcome = read_content(f'{{"data": [1]}}\n{V1}\n'.encode())

    assert outcome.values == [{"data": [1]}, {"vehicle_id": "1"}]


# -- wrappers ----------------------------------------------------------------------------------------------------------


def _read_wrapped(read_content: Any, document: object, dataset: Dataset = VEHICLES) -> tuple[str, list[object]]:
    """Reads a document in three spellings; all must agree."""
    outcomes = [
        read_content(
            json.dumps(document, indent=indent, separators=separators).encode(), dataset, block_bytes=block_bytes
        )
        for indent, separators in ((None, (",", ":")), (None, None), (2, None))
        for block_bytes in (1, 1000)
    ]
    assert [outcome.error for outcome in outcomes] == [None] * 6
    formats = {outcome.format.replace("ndjson", "json objects") for outcome in outcomes}
    assert len(formats) == 1
    assert all(outcome.values == outcomes[0].values for outcome in outcomes)
    return formats.pop(), outcomes[0].values


@pytest.mark.parametrize(
    "document, path",
    [
        ({"name": "export", "items": BOTH}, "items"),
        ({"items": BOTH, "name": "export"}, "items"),
        ({"name": "export", "errors": [], "items": BOTH}, "items"),
        ({"errors": [{"message": "x"}], "items": BOTH}, "items"),
        ({"meta": {"tags": ["a"], "name": "x"}, "result": {"total": 2, "rows": BOTH}}, "result.rows"),
        ({"old": [{"name": "no key"}], "Vehicles": BOTH}, "Vehicles"),
        ({"a]b": "[{", "c": '"}]', "items": BOTH}, "items"),
        ({"items": BOTH, "next": {"items": [1, 2]}}, "items"),
    ],
)
def test_the_array_of_records_is_found_in_its_wrapper(read_content: Any, document: object, path: str) -> None:
    assert _read_wrapped(read_content, document) == (f"json array under {path}", BOTH)


def test_records_whose_key_comes_late_behind_nested_values_are_recognised(read_content: Any) -> None:
    record = {"tags": [[], {"vehicle_id": 0}], "meta": {"a": {}}, "vehicle_id": "1"}
    wrapper = {"others": [{"x": {"y": 1}}], "items": [record], "more": [{"z": 1}]}

    assert _read_wrapped(read_content, wrapper) == ("json array under items", [record])
    assert _read_wrapped(read_content, record)[1] == [record]


def test_an_element_without_the_key_is_still_a_record_of_the_only_array(read_content: Any) -> None:
    elements = [{"foo": 1}, {"vehicle_id": "1"}, "x", None]

    assert _read_wrapped(read_content, {"rows": elements}) == ("json array under rows", elements)
    assert _read_wrapped(read_content, {"rows": [3, *elements]})[1] == [3, *elements]


def test_a_record_without_its_key_is_a_record_whatever_lists_it_holds(read_content: Any) -> None:
    for record in ({"name": "x"}, {"name": "x", "tags": []}, {"tags": ["a", "b"], "name": "x"}):
        assert _read_wrapped(read_content, record)[1] == [record]


def test_an_array_of_another_dataset_is_not_ours_even_if_its_records_carry_our_key(read_content: Any) -> None:
    wrapper = {"vehicle-logs": [{"log_id": "1", "vehicle_id": "9"}], "vehicles": BOTH}
    assert _read_wrapped(read_content, wrapper) == ("json array under vehicles", BOTH)
    wrapper = {"shipments": [{"vehicle_id": "9"}], "rows": BOTH}
    assert _read_wrapped(read_content, wrapper) == ("json array under rows", BOTH)


def test_a_nested_array_of_other_records_does_not_make_a_record_a_wrapper(read_content: Any) -> None:
    record = {"vehicle_id": "1", "logs": [{"vehicle_id": "1", "log_id": "2"}]}

    assert _read_wrapped(read_content, record)[1] == [record]


def test_the_named_array_is_taken_where_a_file_holds_several_datasets(read_content: Any) -> None:
    document = {
        "vehicles": BOTH,
        "vehicle_logs": [{"log_id": "l", "vehicle_id": "1"}],
        "shipments": [{"shipment_id": "s", "log_id": "l"}],
    }

    for dataset in (VEHICLES, VEHICLE_LOGS, SHIPMENTS):
        assert _read_wrapped(read_content, document, dataset)[1] == document[dataset.name]


def test_a_wrapper_on_one_line_longer_than_the_head_is_a_wrapper_wherever_the_head_ends(read_content: Any) -> None:
    for shift in range(24):
        rows = [{"vehicle_id": f"{number:06}"} for number in range(4000)]
        content = json.dumps({"x" * shift: 1, "data": rows}, separators=(",", ":")).encode()

        outcome = read_content(content)

        assert outcome.format == "json array under data"
        assert len(outcome.records) == 4000


def test_a_cut_wrapper_is_never_taken_for_lines(read_content: Any) -> None:
    content = json.dumps({"meta": {"v": 1}, "data": BOTH}, indent=0).encode()
    for text in (content, content.replace(b"[\n", b"["), f'{{"data": [\n{V1},\n{V2}\n]}}'.encode()):
        for cut in range(1, len(text)):
            assert read_content(text[:cut]).error is not None


def test_names_in_the_wrapper_are_shown_in_one_printable_line() -> None:
    layout = ElementsLayout(0, ("a\0b", "c\nd", "\ud800", "x" * 1000))

    assert layout.name.startswith(r"json array under a\x00b.c\nd.\ud800.xxx")
    assert len(layout.name) < 130


def test_deep_or_huge_wrappers_on_one_line_are_errors_not_crashes(read_content: Any) -> None:
    for content in (b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}"):
        assert "Nested deeper than 64 levels" in str(read_content(content).error)


def test_resuming_recognises_the_same_layout(read_content: Any) -> None:
    content = json.dumps({"meta": 1, "data": BOTH, "end": 2}).encode()
    first, _ = read_content(content, run_bytes=1).checkpoints

    assert read_content(content, after=first).values == BOTH[1:]
