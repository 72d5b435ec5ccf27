"""Both parsers make the same of fields of all types, as JSON values and as texts, wherever the file is cut."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset, FieldType, InvalidValues
from logistics_core.catalogue.model import NESTED_TYPES
from logistics_pipeline.loading.contract.copy_text import unescape
from logistics_pipeline.loading.layouts import ElementsLayout, LinesLayout
from tests.many_types import FIELDS, PLAIN, readings
from tests.unit.test_columns import typed_texts
from tests.unit.test_parsers import Outcome, read

READINGS = readings()
NATIVE = {"pieces": "12", "amount": "12.50", "is_open": "true", "built": "1998", "number_day": "20240305"}
NATIVE |= {"month": "202403", "details": PLAIN["details"], "tags": PLAIN["tags"]}
"""Values that JSON need not write as texts."""

odd_values = st.one_of(
    typed_texts.map(json.dumps),
    typed_texts.map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(["null", "true", "false", "0", "1", "-5", "5.0", "1e3", "-0", "1.50", "2024", "NaN", "9" * 5000]),
    st.sampled_from(['{"a":1,"a":2}', '[{"b":1,"b":1}]', '{"a":"\\u0000"}', '["\\ud800"]']),
    st.sampled_from(['{"\\u003a":1,"a":1,"a":2}', "[18446744073709551616]"]),
    st.sampled_from(["[1e400]", "[1e5000]", "[-0, 1.10]", "[NaN]", "{}", "[]", '{"a": {"b": [ ]} }', '["x:y", "{"]']),
    st.sampled_from(["[" * 70 + "]" * 70, "[" * 60 + "]" * 60, '["\\u00e9\\ud83d\\ude00"]', '["\x7f"]']),
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("typed") / "file"


@pytest.mark.slow
@given(st.data(), st.sampled_from([1, 60, 400, 100_000]), st.booleans())
@settings(max_examples=500, deadline=None)
def test_the_parsers_make_the_same_of_values_of_all_types(
    path: Path, data: st.DataObject, chunk_bytes: int, is_array: bool
) -> None:
    others = st.lists(st.sampled_from(list(FIELDS)[1:]), min_size=1, max_size=4, unique=True)
    names = ["reading_id", *data.draw(others)]
    records = []
    for number in range(data.draw(st.integers(1, 8))):
        members = [f'"reading_id": "R{number}"']
        for name in names[1:]:
            usual = NATIVE.get(name) if data.draw(st.booleans()) else None
            usual = json.dumps(PLAIN[name]) if usual is None else usual
            members.append(f'"{name}": {data.draw(odd_values) if data.draw(st.integers(0, 3)) == 0 else usual}')
        records.append("{" + ", ".join(members) + "}")
    text = f"[{','.join(records)}]" if is_array else "\n".join(records)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    dataset = replace(READINGS, fields=tuple(READINGS.field(name) for name in names))
    layout = ElementsLayout(1) if is_array else LinesLayout(0)

    expected, found = (
        read(path, dataset, layout, reference=reference, chunk_bytes=chunk_bytes) for reference in (True, False)
    )
    assert _rows(found, dataset) == _rows(expected, dataset)
    assert (found.rejects, found.error, found.records) == (expected.rejects, expected.error, expected.records)


def _rows(outcome: Outcome, dataset: Dataset) -> dict[int, list[object]]:
    """The values of each row. What is nested may have other blanks and escapes, a number other zeros before it."""
    rows: dict[int, list[object]] = {}
    for number, line in outcome.rows.items():
        values: list[object] = [unescape(text) for text in line.decode().split("\t")]
        for index, field in enumerate(dataset.fields):
            text = values[index]
            if text is not None and field.type in NESTED_TYPES:
                values[index] = json.loads(str(text), parse_float=Decimal)
            elif text is not None and field.type is FieldType.NUMBER:
                values[index] = Decimal(str(text)).as_tuple()
        rows[number] = values
    return rows


def test_the_first_field_that_is_wrong_is_named_by_both(path: Path) -> None:
    names = ("reading_id", "details", "moment")
    dataset = replace(READINGS, fields=tuple(READINGS.field(name) for name in names))
    path.write_text('{"reading_id": "R1", "details": {"a":1,"a":2}, "moment": "0"}\n{"reading_id": "R2"}\n')
    outcomes = [
        read(path, dataset, LinesLayout(0), reference=reference, chunk_bytes=400) for reference in (True, False)
    ]
    assert [each.rejects[1][3].field for each in outcomes] == ["details", "details"]


_WORDS = ["", "n/a", "-", ",", ":", "-999", '"', "é", "\\", "a,b"]
_NUMBERS = st.one_of(
    st.sampled_from(
        ["1", "-2.5", "0", "12.50", "null", "-999", "true", '{"a":"n/a"}', '["-","n/a"]', '{"n/a":"-"}', "[]"]
    ),
    st.sampled_from([*_WORDS, " n/a ", "n/a,-", 'x"n/a', "n/an/a", "3", "1.5", "1,5", '","', '":"', "\n"]).map(
        json.dumps
    ),
    st.sampled_from(['"n\\/a"', '"\\u002d"', '"\\u00e9"', '"é"', '"\\"-"', '"-\\""', '"\\\\"', '"\\"n/a\\""']),
)


@given(
    st.lists(st.tuples(_NUMBERS, _NUMBERS.filter(lambda text: "." not in text)), min_size=1, max_size=30),
    st.sampled_from([60, 400, 100_000]),
    st.sampled_from(InvalidValues),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
@example(
    [*[("1", "1")] * 20, ('"x"', "2"), ('"y"', "2"), ('"1,5,6"', "2"), ("1", "1")], 99_999, InvalidValues.NULL, False
)
def test_words_for_nothing_among_numbers_of_json_are_read_alike(
    path: Path, pairs: list[tuple[str, str]], chunk_bytes: int, policy: InvalidValues, is_array: bool
) -> None:
    amount, pieces = (
        replace(
            READINGS.field(name), missing_values=frozenset(_WORDS), invalid_values=policy, above=None, at_least=None
        )
        for name in ("amount", "pieces")
    )
    dataset = replace(READINGS, fields=(READINGS.field("reading_id"), amount, pieces))
    records = [
        f'{{"reading_id":"R{number}","amount":{one},"pieces":{other}}}' for number, (one, other) in enumerate(pairs)
    ]
    path.write_text(f"[{','.join(records)}]" if is_array else "\n".join(records))
    layout = ElementsLayout(1) if is_array else LinesLayout(0)

    expected, found = (
        read(path, dataset, layout, reference=reference, chunk_bytes=chunk_bytes) for reference in (True, False)
    )

    assert (found.rows, found.rejects, found.records) == (expected.rows, expected.rejects, expected.records)
