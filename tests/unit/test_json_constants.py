"""NaN and the infinities as Python writes them, and numbers beyond all bounds: one record is rejected, or none."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_pipeline.loading.formats import json_feed
from logistics_pipeline.loading.formats.json_feed import is_broken
from tests.unit.test_pages import errors_of, keys_of, read_file

VALUES = st.sampled_from(
    [float("nan"), float("inf"), float("-inf"), 1.5, None, "NaN", "x NaN, Infinity", [1, float("nan")], {"a": "NaN"}]
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"vehicle_id": st.just("V")}, optional={"total_mileage": VALUES, "name": VALUES, "x": VALUES}
    ),
    min_size=1,
    max_size=40,
)
LAYOUTS = {
    "array": lambda records: json.dumps(records),
    "wrapped": lambda records: json.dumps({"mean": float("nan"), "vehicles": records, "rest": [float("inf")]}),
    "lines": lambda records: "\n".join(map(json.dumps, records)) + "\n",
    "objects": lambda records: "\n".join(json.dumps(record, indent=1) for record in records),
    "pages": lambda records: "\n".join(json.dumps({"rows": [record], "x": float("-inf")}) for record in records),
}


def has_constant(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(has_constant, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value not in (1.5,)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@given(records=RECORDS, chunk_bytes=st.sampled_from([20, 300, 100_000]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_with_a_constant_that_json_lacks_is_rejected_alone(
    tmp_path: Path, layout: Any, records: list[dict[str, Any]], chunk_bytes: int
) -> None:
    content = layout(records).encode()
    expected = {number for number, record in enumerate(records, 1) if has_constant(record)}

    outcomes = []
    for reference in (False, True):
        chunks = read_file(tmp_path / "f", content, chunk_bytes=chunk_bytes, reference=reference)
        assert errors_of(chunks) == []
        rejects = [reject for chunk in chunks for reject in chunk.rejects]
        named = {each.raw_record.record_no for each in rejects if "which is not JSON" in each.rejection.reason}
        assert named == expected
        for each in rejects:
            assert each.raw_record.byte_offset is not None
            assert content[each.raw_record.byte_offset :].startswith(each.raw_record.raw)
        unknown = frozenset[str]().union(*(chunk.unknown_fields for chunk in chunks))
        assert unknown == {name for record in records for name in record} - {"vehicle_id", "total_mileage", "name"}
        outcomes.append([(each.raw_record, each.rejection) for each in rejects])
        assert len(keys_of(chunks)) + len(rejects) == len(records)
    assert outcomes[0] == outcomes[1]


def test_the_reason_names_field_and_constant(tmp_path: Path) -> None:
    content = (
        b'[{"vehicle_id":"a","total_mileage":-Infinity},{"vehicle_id":"b","x":{"y":[NaN]}},NaN,{"vehicle_id":"c"}]'
    )

    for reference in (False, True):
        (first, second, third) = [
            reject.rejection
            for chunk in read_file(tmp_path / "f", content, reference=reference)
            for reject in chunk.rejects
        ]
        assert (first.field, first.reason) == (
            "total_mileage",
            "total_mileage is -Infinity, which is not JSON: expected a number or null",
        )
        assert (second.field, second.reason[:8]) == ("x", "x is NaN")
        assert (third.field, third.reason[:4]) == (None, "NaN,")


@pytest.mark.parametrize("large_bytes", [10, 1 << 20], ids=["large", "small"])
def test_fields_of_a_record_with_a_constant_are_listed_by_either_parser(
    tmp_path: Path, large_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics_pipeline.loading.formats.large_records.LARGE_BYTES", large_bytes)
    odd = '{"vehicle_id":"b","only here":[NaN],"and here":"x"}'
    for content in (f'[{{"vehicle_id":"a"}},{odd},{{"vehicle_id":"c"}}]', f'{{"vehicle_id":"a"}}\n{odd}\n'):
        for reference in (False, True):
            chunks = read_file(tmp_path / "f", content.encode(), reference=reference)
            assert frozenset[str]().union(*(chunk.unknown_fields for chunk in chunks)) == {"only here", "and here"}


@pytest.mark.parametrize("value", ["nan", "NAN", "-NaN", "NaN1", "1NaN", "+Infinity", "Infinit", "infinity", "tru"])
def test_other_words_are_damage_as_before(tmp_path: Path, value: str) -> None:
    for reference in (False, True):
        chunks = read_file(
            tmp_path / "f", f'[{{"vehicle_id":"a"}},{{"x":{value}}},{{"vehicle_id":"b"}}]'.encode(), reference=reference
        )
        assert keys_of(chunks) == ["a"]
        assert "Not JSON" in errors_of(chunks)[0]


NUMBERS = [
    "1e9999999999999999999",
    "-1E+9999999999999999999",
    "1e-99999999999999999999",
    "9" * 10_000,
    "1e" + "9" * 10_000,
]


@pytest.mark.parametrize("number", NUMBERS, ids=[f"{number[:6]}…{len(number)}" for number in NUMBERS])
def test_a_huge_number_in_an_ignored_place_is_no_fault(tmp_path: Path, number: str) -> None:
    good, odd = '{"vehicle_id":"a"}', f'{{"vehicle_id":"b","x":{number}}}'
    for content in (
        f"[{good},{odd}]",
        f'{{"meta":{{"q":{number}}},"vehicles":[{good},{odd}],"r":[{number}]}}',
        f"{good}\n{odd}\n",
        f"{odd}\n{good}\n".replace(",", ",\n"),
        f'{{"q":{number},"rows":[{good}]}}\n{{"q":{number},"rows":[{odd}]}}',
    ):
        for reference in (False, True):
            chunks = read_file(tmp_path / "f", content.encode(), reference=reference)
            assert errors_of(chunks) == []
            assert sorted(keys_of(chunks)) == ["a", "b"]


@pytest.mark.parametrize("rest", [",", " ,", "]", "x", " [1]", "\n{", ' "a"', "NaN"])
@pytest.mark.parametrize("array", ["[]", '[{"vehicle_id":"a"}]', " [ ] "])
def test_both_parsers_name_the_same_place_of_what_follows_an_array(tmp_path: Path, array: str, rest: str) -> None:
    found = set()
    for reference in (False, True):
        for chunk_bytes in (1, 100):
            chunks = read_file(tmp_path / "f", (array + rest).encode(), chunk_bytes=chunk_bytes, reference=reference)
            found.update(errors_of(chunks))
    (error,) = found
    at = len(array) + len(rest) - len(rest.lstrip())
    assert f"at byte {at}" in error


CONSTANTS = b'{"a":[1,NaN,-Infinity,Infinity,"N\\"aN"],"Na":[-Infinity]}'


def test_the_beginning_of_a_constant_is_not_broken_text() -> None:
    assert [CONSTANTS[:end] for end in range(1, len(CONSTANTS)) if is_broken(CONSTANTS[:end])] == []


@pytest.mark.parametrize("text", [b'{"a":[1,NaM', b"[1,IN", b"[tru,N", b"[1 N,", b"[1,--I", b"[-NaN,", b"[1NaN,"])
def test_what_no_constant_begins_with_is_broken(text: bytes) -> None:
    assert is_broken(text)


@pytest.mark.parametrize("piece_bytes", [12, 20, 1000])
def test_constants_of_large_values_are_replaced_piece_by_piece(
    monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(json_feed, "_CONSTANTS_PIECE_BYTES", piece_bytes)
    text = b'["NaN, -Infinity",NaN,"x\\"",-Infinity, Infinity,1,"Infinity",{"NaN":NaN}]'

    assert json_feed.make_large_safe(text) == (
        b'["NaN, -Infinity",1e0,"x\\"",-10000000, 10000000,1,"Infinity",{"NaN":1e0}]'
    )
