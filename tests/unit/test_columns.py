"""Whole columns are judged as the reference judges each value: plain ones are taken as they stand, others named."""

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset, Dating, Field, FieldType, Role
from logistics_pipeline.loading.contract.column_validator import ColumnEncoder
from logistics_pipeline.loading.contract.columns import NULL, FormatsNeededError
from logistics_pipeline.loading.contract.copy_text import escape
from logistics_pipeline.loading.contract.file_formats import NOT_LOOKED_FOR
from logistics_pipeline.loading.contract.nested_columns import NestedColumn
from logistics_pipeline.loading.contract.number_columns import IntegerColumn, NumberColumn, NumberTexts
from logistics_pipeline.loading.contract.record_validator import Rejection, compile_validator, value_validator
from logistics_pipeline.loading.contract.repeating_columns import RepeatingColumn
from logistics_pipeline.loading.contract.text_columns import TextColumn
from logistics_pipeline.loading.contract.timestamp_columns import TimestampColumn
from tests.datasets import DATASETS, SHIPMENTS, VEHICLE_LOGS, VEHICLES
from tests.many_types import FIELDS, PLAIN, STORED, readings

BOUNDED = Dataset(
    name="readings",
    title="Readings",
    singular="reading",
    key="reading_id",
    description="Numbers with bounds other than 0, and two dates of which one decides the day.",
    fields=(
        Field("reading_id", "Reading", FieldType.STRING, Role.IDENTIFIER, "Identifies it"),
        Field("read_on", "Day", FieldType.DATE, Role.TIME, "Day"),
        Field("due_on", "Due", FieldType.DATE, Role.TIME, "Another day", required=False),
        *(
            Field(name, name, FieldType.NUMBER, Role.MEASURE, name, required=False, above=above, at_least=at_least)
            for name, above, at_least in (
                ("frost", None, Decimal("-273.15")),
                ("deep", Decimal(-5), None),
                ("some", None, Decimal("0.5")),
                ("more", Decimal("12.49"), None),
            )
        ),
    ),
    dating=Dating("read_on"),
)
"""As no built-in dataset is."""

texts = st.one_of(
    st.sampled_from(
        ["v1", "Köln", "New York", " v", "v ", "", " ", "a\tb", "a\\b", "\\N", "NULL", "None", "x" * 255, "x" * 256]
    ),
    st.sampled_from(
        ["\u3000x", "x\u2003", "\x85", "\xa0x", "a\nb", "\0", "\ud800", "2024-03-05", "5-Mar-2024", "1899-12-31"]
    ),
    st.sampled_from(
        ["12.5", "007", "1.", ".5", ".", "1.2.3", "1,5", "1e3", "-1", "+1", "٣", "0", "0.00", "9" * 101, " 1"]
    ),
    st.sampled_from(["null", "nullnull", "12null", "1null2", "nul", "ull", "n", "NaN", "inf", "1_0", "0x1", "NULL,"]),
    st.text("null0.", max_size=6),
    st.text(max_size=4),
)
values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    texts,
    st.integers(-3, 10**6),
    st.decimals(-10, 10**6, places=2),
    st.sampled_from([True, False, Decimal("1E+3"), Decimal("1E-200"), Decimal("-0"), 10**200, [], {}, ["a"]]),
)
plain = {FieldType.STRING: "K1", FieldType.NUMBER: "12.50", FieldType.DATE: "2024-03-05"}


@given(st.data(), st.sampled_from([VEHICLES, VEHICLE_LOGS, SHIPMENTS, BOUNDED]), st.integers(1, 40))
@settings(max_examples=600, deadline=None)
def test_a_column_is_judged_as_its_values_are(data: st.DataObject, dataset: Dataset, count: int) -> None:
    columns: list[list[Any]] = [[plain[field.type]] * count for field in dataset.fields]
    for row, column in data.draw(
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, len(columns) - 1)), max_size=8)
    ):
        columns[column][row] = data.draw(values)
    encoded = ColumnEncoder(dataset).encode(columns, 101)
    validate = compile_validator(dataset)

    lines = {int(line.rsplit("\t", 1)[1]): line.split("\t")[:-1] for line in encoded.lines}
    assert sorted([*lines, *(101 + index for index in encoded.irregular)]) == [101 + index for index in range(count)]
    for index in range(count):
        record = {field.name: column[index] for field, column in zip(dataset.fields, columns, strict=True)}
        expected = validate(record)
        if 101 + index not in lines:
            continue
        assert not isinstance(expected, Rejection), "plain, and yet the reference refuses it"
        for field, found, wanted in zip(dataset.fields, lines[101 + index], expected, strict=True):
            if field.type is FieldType.NUMBER and wanted is not None:
                assert Decimal(found) == Decimal(wanted)
                assert Decimal(found).as_tuple().exponent == Decimal(wanted).as_tuple().exponent
            else:
                assert found == (NULL if wanted is None else escape(wanted))


READINGS = readings()
typed_texts = st.one_of(
    st.sampled_from(
        ["0", "-0", "+5", "007", "-12", "1.234", "01.234", "5.0", "1e3", "9" * 101, "-2000", "1" * 41, "1,5", "1 234"]
    ),
    st.sampled_from(["true", "TRUE", "tRUE", "1", "0", "ja", "nein", "yes", "t", " false "]),
    st.sampled_from(
        ["2024-02-30", "20240305", "2024-3-5", "5 Mar 2024", "13/12/24", "12/13/24", "1899-01-01", "9999-12-31"]
    ),
    st.sampled_from(
        [
            "2024-03-05 14:30", "2024-03-05T14:30:15.123456", "2024-03-05T14:30:15.1234567", "2024-03-05 24:00",
            "2024-03-05T14:30:15.1200000", "2024-03-05T14:30:60", "2024-03-05", "20240305T143015", "2024-03-05T14",
            "2024-03-05 25:00", "5-Mar-2024 2:30 PM", "5 Mar 2024 12:00 AM", "5 Mar 2024 0:30 AM", "1899-12-31 23:59",
            "2024-03-05T14:30Z", "2024-03-05 14:30+0530", "2024-03-05 14:30 UTC", "2024-03-05T14:30:00-99:00",
            "2024-03-05T14:30:00.5+02:00", "2100-12-31 23:59:59", "6 Mar 2024 2:30 PM", "2024-03-05  14:30",
            "05.03.2024 14:30", "31/12/2024 14:30", "2024-W10-2T10:00", "2024-03-05 14:30:15,5", "2024-03-05T1430",
            "2024-03-05 14:30:15.", "2024-03-05T14:30:15.5", "\u0662024-03-05 14:30", "2024-03-05\n14:30",
        ]
    ),
    st.sampled_from(
        ["8:15", "08:15:00.5", "08:15:00.1234567", "24:00", "24:00:01", "12:00 AM", "13:00 PM", "2500", "2400", "915"]
    ),
    st.sampled_from(
        ["12:30", "025:10:00", "-01:30:00", "PT25H10M", "P1Y2M3DT4H5M6.5S", "P1.5D", "PT1.5H", "P1W", "P", "-P1D",
         "3 days, 4:05:06", "-1 day, 23:59:59", "1h 30m", "90s", "99999999999:00:00", "P3000000000D", "PT0.0000001S"]
    ),
    st.sampled_from(["0000", "0999", "999", "12345", "2024-13", "202413", "0000-01", "2024-3"]),
    st.sampled_from(
        ["{}", "[]", "{} ", '{"a":1,"a":2}', '[{"a":1,"a":2}]', '{"a":"b:c"}', '{"\\u003a":1}', '["\\u0000"]', '["\0"]',
         '["\\ud800"]', "[NaN]", "[1e400]", "[1e9999999999]", "[" * 101 + "]" * 101, "[" * 90 + "]" * 90, "[1", "2]",
         "{},{}", '"x"',
         "{\n}", '["a\tb"]', '["a\\tb"]', "[1\t,\r\n2]", "[" + "1" * 30 + "]", "[1.10]", '["\ud800"]', '["\x7f"]']
    ),
    st.sampled_from(["NA", "", " ", "NULL", "x", "null"]),
)  # fmt: skip
typed_values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    typed_texts,
    st.sampled_from([True, False, 1, 0, 2024, 20240305, 202403, -5, 10**50, Decimal("5.0"), Decimal("1E+3"), [], {}]),
    st.sampled_from([{"a": [Decimal("1.10"), None, True]}, [{"b": "\0"}], [["\ud800"]], [Decimal("1E+5000")]]),
)


@given(st.data(), st.integers(1, 12))
@settings(max_examples=800, deadline=None)
def test_a_column_of_any_type_is_judged_as_its_values_are(data: st.DataObject, count: int) -> None:
    name = data.draw(st.sampled_from(list(FIELDS)))
    one = replace(READINGS, key=(name,), fields=(READINGS.field(name),), has_extras=False)
    column = [PLAIN[name]] * count
    for row in data.draw(st.lists(st.integers(0, count - 1), max_size=6)):
        column[row] = data.draw(typed_values)
    encoder, validate = ColumnEncoder(one), compile_validator(one)
    for part in (column, column[::-1]):  # what was learned from the first must not mislead the second
        encoded = encoder.encode([part], 0)
        found = {int(number): text for text, number in (line.rsplit("\t", 1) for line in encoded.lines)}
        assert sorted([*found, *encoded.irregular]) == list(range(count))
        for index, text in found.items():
            expected = validate({name: part[index]})
            assert not isinstance(expected, Rejection), f"plain, and yet the reference refuses {part[index]!r}"
            wanted = NULL if expected[0] is None else escape(expected[0])
            assert text == wanted or (name == "amount" and Decimal(text) == Decimal(wanted))


_JSON_SCALARS = ["1", "-0.5", "07", "1e5", "1e400", "1" * 19, "1" * 20, '"x"', '"9e999"', '"12"', '"é"', '"a\\u003ab"']
_JSON_SCALARS += [
    '"\\u0000"',
    '"\\ud800"',
    '"say \\"hi\\""',
    "null",
    "tru",
    "[]",
    '{"b": 2}',
    '"\x7f"',
    '"',
    "1,2",
    "]",
    "\n1",
    "",
]
_JSON_TEXTS = st.one_of(
    st.builds("[{},{}]".format, st.sampled_from(_JSON_SCALARS), st.sampled_from(_JSON_SCALARS)),
    st.builds('{{"a1":{},"a{}":{}}}'.format, st.sampled_from(_JSON_SCALARS), st.sampled_from("12b"), st.just("5")),
    st.sampled_from(["", "n/a", "[]", "{}", "{} ", "\t[]", "[[1]", "[2]]", "[1", "{}{}", "{},{}", "null", "\\N"]),
    st.sampled_from(["[" * 70 + "]" * 70, "[" * 101 + "]" * 101, '["\ud800"]', '["\u2028"]', '["a\tb"]', "[1,\r2]"]),
)  # fmt: skip


@given(st.sampled_from(["details", "tags"]), st.lists(_JSON_TEXTS, max_size=3), st.booleans())
@settings(max_examples=600, deadline=None)
@example("details", ["{} "], False)
def test_json_of_known_shapes_is_judged_as_the_reference_judges_it(name: str, odd: list[str], has_null: bool) -> None:
    field = replace(READINGS.field(name), required=False)
    validator, reference = NestedColumn(field), value_validator(field)
    usual = [f'[{number},"n{number}"]' for number in range(12)]
    for column in ([*usual, *odd], usual, [*odd, *usual, *([None] if has_null else [])], [*reversed(odd)]):
        texts, irregular = validator.encode(column)

        assert len(texts) == len(column)
        assert column is not usual or not irregular
        for index in set(range(len(column))) - set(irregular):
            expected = reference(column[index])
            assert not isinstance(expected, Rejection), column[index]
            assert texts[index] == (NULL if expected is None else escape(expected))


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 79), values), max_size=3), min_size=1, max_size=4),
    st.lists(texts, min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([None, frozenset({"", "v1", "n/a"})]),
)
@settings(max_examples=400, deadline=None)
@example([[]], ["x" * 256, "a"], False, None)
def test_texts_that_repeat_are_judged_as_the_reference_judges_them(
    parts: list[list[tuple[int, Any]]], usual: list[str], required: bool, missing: frozenset[str] | None
) -> None:
    field = Field("name", "Name", FieldType.STRING, Role.DIMENSION, "It", required=required, missing_values=missing)
    one = replace(READINGS, key=("name",), fields=(field,), has_extras=False)
    encoder, reference = ColumnEncoder(one), value_validator(field)
    for odd in [[], *parts, []]:
        column: list[Any] = [usual[index % len(usual)] for index in range(80)]
        for index, value in odd:
            column[index] = value
        before = list(column)

        encoded = encoder.encode([column], 0)

        assert column == before
        found = {int(number): text for text, number in (line.rsplit("\t", 1) for line in encoded.lines)}
        assert sorted([*found, *encoded.irregular]) == list(range(80))
        expected = {index: reference(column[index]) for index in found}
        assert not any(isinstance(text, Rejection) for text in expected.values())
        assert found == {index: NULL if text is None else escape(str(text)) for index, text in expected.items()}
        assert encoded.nulls == [sum(text is None for text in expected.values())]


@pytest.mark.parametrize("distinct", [4, 80], ids=["repeating", "different"])
@pytest.mark.parametrize("bad", [None, "", " ", "x ", "a\tb", "a\nb", "\\N", 7, True, ["x"]])
def test_few_values_that_are_no_plain_texts_leave_the_others_plain(distinct: int, bad: object) -> None:
    column: list[object] = [f"v{index % distinct}" for index in range(80)]
    validator = TextColumn(Field("name", "Name", FieldType.STRING, Role.DIMENSION, "It"))
    texts, irregular = validator.encode(column)
    assert texts == column and not irregular
    column[3], column[40], column[41], column[79] = bad, bad, "new", bad

    for _ in range(2):
        texts, irregular = validator.encode(column)

        assert sorted(irregular) == [3, 40, 79]
        assert all(text == column[index] for index, text in enumerate(texts) if index not in irregular)


def test_what_was_learned_of_values_is_forgotten_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RepeatingColumn, "_MAX_KNOWN", 2)
    field = READINGS.field("is_open")
    validator = RepeatingColumn(field, value_validator(field))
    for column in ([7, 1], ["x", "y", "true"], ["true"], [7, 1], [True, 7], ["x", "true"], [7], [True]):
        texts, irregular = validator.encode(column)
        assert list(irregular) == [index for index, value in enumerate(column) if value in (7, "x", "y")]
        assert all(texts[index] == "t" for index in range(len(column)) if index not in irregular)


_ZONED = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["2024-03-05", "2024-12-31", "2024-02-30", "1900-01-01", "1899-12-31", "2100-12-31", "2101-01-01"]),
    st.sampled_from(["T", " ", "t"]),
    st.sampled_from(["00", "01", "12", "23", "24"]),
    st.sampled_from([":00:00", ":59:59", ":60:00", ":30:60", ":15:30", ":00:00.5"]),
    st.sampled_from(["+00:00", "+02:00", "-11:00", "+05:30", "-00:00", "+14:00", "+24:00", "+99:00", "Z"]),
)


@given(st.lists(_ZONED, min_size=1, max_size=5), st.booleans())
@settings(max_examples=600, deadline=None)
def test_times_of_iso_8601_are_stored_as_the_reference_stores_them(column: list[str], is_zoned: bool) -> None:
    field = Field("at", "At", FieldType.DATETIME, Role.TIME, "At", required=False, has_time_zone=is_zoned)
    reference = value_validator(field)
    validator = TimestampColumn(field, reference)
    if not is_zoned:
        column = [re.sub(r"[+-][0-9:]+$|Z$", "", value[10:]).join((value[:10], "")) for value in column]
    last = f"2024-03-05T10:00:00{'+02:00' if is_zoned else ''}"

    for part in (column, column[::-1], [*column, last], [column[0]] * 3, [last, "", last.replace("10", "23")]):
        found, irregular = validator.encode(part)

        for index, value in enumerate(part):
            expected = reference(value)
            assert (index in irregular) == isinstance(expected, Rejection)
            assert index in irregular or found[index] == (NULL if expected is None else expected)


@pytest.mark.parametrize("name", FIELDS)
def test_values_of_a_type_are_stored_in_one_way(name: str) -> None:
    one = replace(READINGS, key=(name,), fields=(READINGS.field(name),), has_extras=False)
    assert compile_validator(one)({name: f" {PLAIN[name]} "}) == (STORED[name],)
    encoded = ColumnEncoder(one).encode([[PLAIN[name]] * 3], 1)
    assert [line.split("\t")[0] for line in encoded.lines] == [escape(STORED[name])] * 3


def test_only_the_date_that_decides_the_day_makes_days_stale() -> None:
    columns: list[list[Any]] = [["r1", "r2"], ["2024-03-05", "2024-03-06"], ["2030-01-01", "2031-01-01"]]
    encoded = ColumnEncoder(BOUNDED).encode([*columns, *([[None, None]] * 4)], 1)
    assert encoded.days == {"2024-03-05", "2024-03-06"}
    assert ColumnEncoder(SHIPMENTS).encode([["s1"], ["A"], ["B"], [1], [2], [3], ["l1"]], 1).days == frozenset()


_GOOD_NUMBERS = {b"1": "1", b"0.50": "0.50", b"-1": "-1", b"-0.50": "-0.50", b"null": NULL}
_NO_PLAIN_NUMBERS = [
    b"-1e5",
    b'"-1"',
    b"1e5",
    b'"x"',
    b'"null"',
    b"true",
    b"[]",
    b'"1null2"',
    b'"a,b"',
    b"[1,2]",
    b'{"a": [1, null]}',
]


@given(st.lists(st.sampled_from([*_GOOD_NUMBERS, *_NO_PLAIN_NUMBERS]), min_size=1))
def test_json_numbers_are_told_from_what_is_none(elements: list[bytes]) -> None:
    found = NumberTexts.from_json(b",".join(elements), elements)

    assert len(found) == len(elements)
    assert found.irregular == [index for index, element in enumerate(elements) if element not in _GOOD_NUMBERS]
    assert [found[i] for i, element in enumerate(elements) if element in _GOOD_NUMBERS] == [
        _GOOD_NUMBERS[element] for element in elements if element in _GOOD_NUMBERS
    ]


_STORABLE_NUMBER = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?", re.ASCII)


@given(st.lists(values, min_size=1, max_size=40))
@settings(max_examples=400, deadline=None)
def test_whatever_is_plain_in_a_column_of_numbers_is_a_number(column: list[Any]) -> None:
    validator = NumberColumn(Field("cost", "Cost", FieldType.NUMBER, Role.MEASURE, "Cost", required=False))
    validator.checks_lengths = True

    found, irregular = validator.encode(column)

    plain_texts = [text for index, text in enumerate(found) if index not in set(irregular)]
    assert [text for text in plain_texts if text != NULL and not _STORABLE_NUMBER.fullmatch(text)] == []


_SIGNED = [
    "-1",
    "-12.5",
    "-0.25",
    "-0",
    "-0.0",
    "-007",
    "--5",
    "5-",
    "1-2",
    "-",
    "-.5",
    "-5.",
    "-1.2.3",
    "+5",
    "-1e3",
    "−5",
]


@given(st.lists(st.sampled_from([*_SIGNED, "3", "0.75", "", "n/a"]), min_size=1, max_size=6))
@pytest.mark.parametrize("type", [FieldType.NUMBER, FieldType.INTEGER])
@pytest.mark.parametrize("bounds", [{}, {"at_least": Decimal(0)}, {"above": Decimal(0)}, {"at_least": Decimal("-1.5")},
                                    {"above": Decimal(-12)}, {"at_most": Decimal("-0.1")}], ids=str)  # fmt: skip
def test_a_signed_number_is_plain_only_if_it_is_stored_as_the_reference_stores_it(
    bounds: dict[str, Decimal], type: FieldType, column: list[str]
) -> None:
    field = Field("cost", "Cost", type, Role.MEASURE, "Cost", required=False, **bounds)  # type: ignore[arg-type]
    validator = NumberColumn(field) if type is FieldType.NUMBER else IntegerColumn(field)
    reference = value_validator(field)

    found, irregular = validator.encode(column)

    expected = [NULL if (text := reference(value)) is None else text for value in column]
    for index in set(range(len(column))) - set(irregular):
        assert isinstance(expected[index], str), expected[index]
        assert found[index] == expected[index] or Decimal(found[index]) == Decimal(expected[index])


@given(st.lists(st.text("0129.,-+ ", max_size=5) | st.sampled_from(["n/a", "-", "NA", "٣"]), min_size=1, max_size=4))
@settings(max_examples=500, deadline=None)
@pytest.mark.parametrize("type", [FieldType.NUMBER, FieldType.INTEGER])
def test_texts_are_plain_numbers_only_if_the_reference_reads_them_so(type: FieldType, column: list[str]) -> None:
    field = Field("cost", "Cost", type, Role.MEASURE, "Cost", required=False)
    validator = NumberColumn(field) if type is FieldType.NUMBER else IntegerColumn(field)
    reference = value_validator(field)

    for each in (column, tuple(column)):
        found, irregular = validator.encode(each)

        for index in set(range(len(column))) - set(irregular):
            expected = reference(column[index])
            assert not isinstance(expected, Rejection), column[index]
            if expected is None or type is FieldType.INTEGER:
                assert found[index] == (expected or NULL)
            else:  # PostgreSQL stores 00.50 as 0.50
                assert Decimal(found[index]).as_tuple() == Decimal(expected).as_tuple()


def test_signed_numbers_are_plain() -> None:
    column = ["-1", "-12.5", "-0.25", "3", ""]
    elements = [b"-1", b"-12.5", b"-0.25", b"3", b"null"]
    for found in (NumberTexts.from_values(column), NumberTexts.from_json(b",".join(elements), elements)):
        assert NumberColumn(_COST).encode(found) == (["-1", "-12.5", "-0.25", "3", NULL], [])


@pytest.mark.parametrize("name", ["weight", "delivery_time", "mileage"])
@pytest.mark.parametrize("value", ["x", "1,5", "0", "-3", "-0", "", " 7 ", None, "1.5.2", "12-5", "n/a", "NaN", "5."])
def test_few_values_that_are_no_plain_numbers_leave_the_others_as_they_are_written(
    name: str, value: str | None
) -> None:
    field = next(field for dataset in (SHIPMENTS, VEHICLE_LOGS) for field in dataset.fields if field.name == name)
    column: list[Any] = [f"{number}.5" for number in range(40)]
    for index in (0, 17, 39):
        column[index] = value
    before = list(column)

    texts, irregular = NumberColumn(field).encode(column)

    assert column == before
    assert {*irregular} <= {0, 17, 39}
    assert [texts[index] for index in range(40) if index not in (0, 17, 39)] == [
        f"{number}.5" for number in range(40) if number not in (0, 17, 39)
    ]
    outcome = value_validator(field)(value)
    if not irregular:
        assert not isinstance(outcome, Rejection)
        assert texts[17] == (NULL if outcome is None else outcome)


def test_a_signed_number_whose_point_may_group_asks_for_the_whole_column() -> None:
    with pytest.raises(FormatsNeededError):
        NumberColumn(_COST, NOT_LOOKED_FOR).encode(["-1.234", "-5"])


_COST = Field("cost", "Cost", FieldType.NUMBER, Role.MEASURE, "Cost", required=False)


@pytest.mark.parametrize("word", ["null", "12null", "1null2", "nullnull", "nul", "NaN", "Infinity", "1_000", "0x10"])
def test_a_word_in_a_column_of_numbers_is_not_plain(word: str) -> None:
    assert NumberTexts.from_values(["1", word, None, "2"]).irregular == [1]
    elements = [b"1", json.dumps(word).encode(), b"null", b"2"]
    assert NumberTexts.from_json(b",".join(elements), elements).irregular == [1]


@given(
    st.lists(
        st.sampled_from([b"1", b"-2.5", b"0", b"null"])
        | st.sampled_from([b"1e5", b"-1E+3", b"true", b"false", b'""', b'{"x":1,"y":[1,2]}', b"[[],{},null]"])
        | st.text('a,-.\\"{}[]tfenul1\u00e9', max_size=6).map(lambda text: json.dumps(text).encode()),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([b'"-"', b'"NA"', b'"N/A"']),
    st.sampled_from([0, 1000]),
)
@settings(deadline=None)
@example([b'"a\\"-"', b"1"], b'"-"', 1000).via("the word is at the end of a longer text, and shorter than null")
@example([b'"a\\"N/A"', b"1"], b'"N/A"', 1000).via("the word is at the end of a longer text, and longer than null")
def test_what_is_no_number_is_found_among_few_and_many_numbers(odd: list[bytes], word: bytes, numbers: int) -> None:
    plain = re.compile(rb"null|-?[0-9]+(?:\.[0-9]+)?")
    elements = [*odd, *([b"7.5"] * numbers)]

    for text in (b",".join(elements), b",".join(elements).replace(word, b"null")):
        found = NumberTexts.from_json(text, elements)

        assert len(found) == len(elements)
        for index, each in enumerate(elements):
            if index in found.irregular:
                assert not plain.fullmatch(each)
            elif each != word:
                assert found[index] == (NULL if each == b"null" else each.decode())
            else:
                assert found[index] == NULL


def test_a_clean_column_is_plain_for_every_dataset() -> None:
    for dataset in DATASETS.values():
        columns = [[plain[field.type]] * 5 for field in dataset.fields]
        assert ColumnEncoder(dataset).encode(columns, 1).irregular == {}
