"""JSON files with more than one array, or with none that counts: records are never lost in silence."""

import json
from pathlib import Path

import pytest

from logistics_pipeline.errors import FileError
from tests.unit.test_pages import errors_of, keys_of, read_file

ROWS = [{"vehicle_id": "1"}, {"vehicle_id": "2"}]
OTHERS = [{"vehicle_id": "9", "name": "n"}]


@pytest.mark.parametrize(
    "document, arrays",
    [
        ({"new": ROWS, "old": OTHERS}, ("new", "old")),
        ({"page": {"data": ROWS}, "archive": {"data": OTHERS}}, ("page.data", "archive.data")),
        ({"vehicles": ROWS, "more": {"vehicles": OTHERS}}, ("vehicles", "more.vehicles")),
        ({"data": ROWS, "meta": {"x": [1, [2]], "y": {}}, "rest": OTHERS}, ("data", "rest")),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("reference", [False, True], ids=["fast", "reference"])
def test_a_second_array_of_records_fails_the_file_after_the_first(
    tmp_path: Path, document: object, arrays: tuple[str, str], reference: bool
) -> None:
    for indent in (None, 1):
        chunks = read_file(tmp_path / "f", json.dumps(document, indent=indent).encode(), reference=reference)
        assert keys_of(chunks) == ["1", "2"]
        (error,) = errors_of(chunks)
        assert f"Records are under {arrays[0]}, and under {arrays[1]} as well" in error


@pytest.mark.parametrize(
    "document",
    [
        {"trips": OTHERS, "vehicles": ROWS},
        {"trips": OTHERS, "more": OTHERS, "page": {"meta": {"x": [1]}, "Vehicles": ROWS}, "rest": OTHERS},
        {"trips": OTHERS * 1_000, "vehicles": ROWS},
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_array_under_the_own_name_is_taken_wherever_it_stands(tmp_path: Path, document: object) -> None:
    for indent in (None, 1):
        content = json.dumps(document, indent=indent)
        for reference in (False, True):
            for pages in (1, 2):
                chunks = read_file(tmp_path / "f", "\n".join([content] * pages).encode(), reference=reference)
                assert (keys_of(chunks), errors_of(chunks)) == (["1", "2"] * pages, [])


@pytest.mark.parametrize("named", [[], [7], [{"x": 1}], None, {"a": 1}, [[{"vehicle_id": "7"}]]], ids=str)
def test_an_array_under_the_own_name_without_records_is_not_taken(tmp_path: Path, named: object) -> None:
    chunks = read_file(tmp_path / "f", json.dumps({"trips": ROWS, "vehicles": named}).encode())
    assert (keys_of(chunks), errors_of(chunks)) == (["1", "2"], [])


def test_an_array_under_the_own_name_far_behind_another_fails_the_file_there(tmp_path: Path) -> None:
    many = [{"vehicle_id": str(number), "name": "n" * 200} for number in range(3_000)]
    for reference in (False, True):
        chunks = read_file(tmp_path / "f", json.dumps({"trips": many, "vehicles": ROWS}).encode(), reference=reference)
        assert len(keys_of(chunks)) == 3_000
        assert "Records are under trips, and under vehicles as well" in errors_of(chunks)[0]


@pytest.mark.parametrize("damage", ["", "]", "]}x", ',{"vehicle_id":x', '],"vehicles":[{"x":1'])
def test_damage_within_the_look_ahead_is_reported_behind_the_records_before_it(tmp_path: Path, damage: str) -> None:
    content = '{"trips":' + json.dumps(ROWS)[:-1] + damage
    for reference in (False, True):
        chunks = read_file(tmp_path / "f", content.encode(), reference=reference)
        assert keys_of(chunks) == ["1", "2"]
        assert errors_of(chunks)


def test_a_second_array_of_records_on_a_later_page_fails_the_file_there(tmp_path: Path) -> None:
    pages = [{"data": ROWS}, {"rest": OTHERS, "data": ROWS}]

    chunks = read_file(tmp_path / "f", "\n".join(map(json.dumps, pages)).encode())
    assert keys_of(chunks) == ["1", "2"]
    assert "and under rest as well" in errors_of(chunks)[0]


@pytest.mark.parametrize(
    "document",
    [
        {"vehicles": ROWS, "vehicle_logs": [{"log_id": "1", "vehicle_id": "1"}]},
        {"vehicles": ROWS, "drivers": [{"vehicle_id": "1"}]},
        {"data": ROWS, "links": [{"href": "x"}], "ids": ["vehicle_id"], "empty": [], "deep": [[{"vehicle_id": "1"}]]},
        {"data": ROWS, "included": [{"type": "x", "of": {"vehicle_id": "1"}}]},
        {"data": ROWS, "vehicle": {"vehicle_id": "1", "tags": ["x"]}},
    ],
    ids=str,
)
def test_other_arrays_do_not_matter(tmp_path: Path, document: object) -> None:
    for reference in (False, True):
        chunks = read_file(tmp_path / "f", json.dumps(document).encode(), reference=reference)
        assert (keys_of(chunks), errors_of(chunks)) == (["1", "2"], [])


@pytest.mark.parametrize("between", ["\n", "\r\n\r\n", " \n\t"], ids=repr)
@pytest.mark.parametrize("chunk_bytes", [1, 20, 100_000])
def test_arrays_at_the_top_one_per_line_are_pages(tmp_path: Path, between: str, chunk_bytes: int) -> None:
    content = between.join(map(json.dumps, [ROWS, [], OTHERS, ROWS])).encode()

    for reference in (False, True):
        whole = read_file(tmp_path / "f", content, chunk_bytes=chunk_bytes, reference=reference)
        assert (keys_of(whole), errors_of(whole)) == (["1", "2", "9", "1", "2"], [])
        for chunk in whole:
            rest = read_file(tmp_path / "f", content, after=chunk.checkpoint, reference=reference)
            assert keys_of(rest) == ["1", "2", "9", "1", "2"][chunk.checkpoint.records :]


@pytest.mark.parametrize("rest", ["x", "{}", "]", ",[]", "1", "[]", " []", "\n{}", "\n]"])
def test_nothing_else_may_follow_an_array_at_the_top(tmp_path: Path, rest: str) -> None:
    chunks = read_file(tmp_path / "f", (json.dumps(ROWS) + rest).encode())
    assert keys_of(chunks) == ["1", "2"]
    assert "garbage after the array" in errors_of(chunks)[0]


@pytest.mark.parametrize(
    "document, report",
    [
        ({"error": "not found", "data": []}, 'error is "not found"'),
        ({"data": {"rows": []}, "errors": {"code": 7}}, 'errors is {"code": 7}'),
        ({"status": 503, "message": "down", "vehicles": []}, "status is 503"),
        ({"success": False, "data": []}, "success is false"),
        ({"status": "Error", "data": []}, 'status is "Error"'),
    ],
    ids=str,
)
def test_an_error_response_with_an_empty_array_fails(tmp_path: Path, document: object, report: str) -> None:
    for indent in (None, 1):
        with pytest.raises(FileError, match="An error response of an API, without records") as caught:
            read_file(tmp_path / "f", json.dumps(document, indent=indent).encode())
        assert report in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        {"error": None, "errors": {}, "status": 200, "success": True, "code": 0, "data": []},
        {"status": "ok", "vehicles": []},
    ],
    ids=str,
)
def test_a_response_without_records_is_no_error(tmp_path: Path, document: object) -> None:
    assert read_file(tmp_path / "f", json.dumps(document).encode()) == []


def test_an_error_beside_records_does_not_matter(tmp_path: Path) -> None:
    assert keys_of(read_file(tmp_path / "f", json.dumps({"errors": ["x"], "data": ROWS}).encode())) == ["1", "2"]
