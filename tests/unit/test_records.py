"""The data contract's rules for a record, one by one, and its strings through COPY and back."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.contract.copy_text import encode_row
from logistics_pipeline.loading.contract.record_validator import Rejection, Row, compile_validator
from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.layouts import Unreadable
from tests.checkout import PROJECT_ROOT
from tests.datasets import SHIPMENTS, VEHICLE_LOGS, VEHICLES

NAUGHTY_STRINGS = PROJECT_ROOT.parent / "shared/data/naughty_strings/blns.json"

VEHICLE = {"vehicle_id": "V1", "name": "Truck", "total_mileage": 1}
LOG = {"log_id": "L1", "vehicle_id": "V1", "trip_date": "2024-03-05", "mileage": 1, "fuel_used": 2}
SHIPMENT = {
    "shipment_id": "S1",
    "origin": "A",
    "destination": "B",
    "weight": 1,
    "cost": 2,
    "delivery_time": 3,
    "log_id": "L1",
}
EXAMPLES = [(VEHICLES, VEHICLE), (VEHICLE_LOGS, LOG), (SHIPMENTS, SHIPMENT)]


def validated(dataset: Dataset, record: object) -> dict[str, str | None] | Rejection:
    outcome = compile_validator(dataset)(record)
    return outcome if isinstance(outcome, Rejection) else dict(zip(dataset.columns, outcome, strict=True))


def text_of(value: object) -> str | Rejection | None:
    """What becomes of a value in an optional text field."""
    outcome = validated(VEHICLES, {**VEHICLE, "name": value})
    return outcome if isinstance(outcome, Rejection) else outcome["name"]


def number_of(value: object, field: str = "weight") -> str | Rejection | None:
    """What becomes of a value in a number field."""
    outcome = validated(SHIPMENTS, {**SHIPMENT, field: value})
    return outcome if isinstance(outcome, Rejection) else outcome[field]


def is_rejected(outcome: object, message: str = "") -> bool:
    return isinstance(outcome, Rejection) and message in outcome.reason


@pytest.mark.parametrize("dataset, example", EXAMPLES, ids=lambda value: getattr(value, "name", ""))
def test_exactly_the_measures_and_the_name_may_be_missing(dataset: Dataset, example: dict[str, object]) -> None:
    optional = {"name", "total_mileage", "mileage", "fuel_used", "weight", "cost", "delivery_time"}
    for field in dataset.columns:
        absent = {name: value for name, value in example.items() if name != field}
        for record, word in (
            (absent, "missing"),
            ({**example, field: None}, "missing"),
            ({**example, field: ""}, "empty"),
            ({**example, field: " \t\n"}, "empty"),
        ):
            outcome = validated(dataset, record)
            if field in optional:
                assert not isinstance(outcome, Rejection)
                assert outcome[field] is None
            else:
                assert outcome == Rejection(field, f"{field} is {word}")


@pytest.mark.parametrize(
    "value, found",
    [
        (None, "null"),
        (True, "true"),
        (1, "the number 1"),
        ("x", 'the text "x"'),
        ([], "an array"),
        (Decimal("1.5"), "1.5"),
    ],
)
def test_what_is_not_an_object_is_rejected_as_a_whole(value: object, found: str) -> None:
    outcome = validated(VEHICLES, value)

    assert isinstance(outcome, Rejection)
    assert outcome.field is None
    assert outcome.reason.startswith("expected an object, found ")
    assert outcome.reason.endswith(found)
    assert validated(VEHICLES, Unreadable("why")) == Rejection(None, "why")


def test_fields_not_listed_are_ignored() -> None:
    assert validated(VEHICLES, {**VEHICLE, "other": {"deep": ["x"]}, "": None}) == validated(VEHICLES, VEHICLE)


def test_the_first_field_that_breaks_a_rule_is_named() -> None:
    assert validated(SHIPMENTS, {**SHIPMENT, "cost": -1, "weight": 0}).field == "weight"


# -- text --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, stored",
    [
        (" a  b ", "a  b"),
        ("\t\r\n\xa0\u3000a\u2003", "a"),
        ("x" * 255, "x" * 255),
        (" " + "😀" * 255 + " ", "😀" * 255),
        ("0", "0"),
        ("null", "null"),
        ("a\tb\nc\\", "a\tb\nc\\"),
        ("\u200b\ufeff", "\u200b\ufeff"),
    ],
)
def test_text_is_trimmed_and_otherwise_kept(value: str, stored: str) -> None:
    assert text_of(value) == stored


@pytest.mark.parametrize(
    "value, reason",
    [
        ("x" * 256, "name must have at most 255 characters, found 256"),
        ("a\0b", "name contains a NUL character"),
        ("\0", "name contains a NUL character"),
        ("\ud83d", "name is not valid UTF-8"),
        ("caf\udce9", "name is not valid UTF-8"),
        (5, "name must be text, found the number 5"),
        (Decimal("1.50"), "name must be text, found the number 1.50"),
        (True, "name must be text, found true"),
        (["a"], "name must be text, found an array"),
        ({}, "name must be text, found an object"),
    ],
)
def test_text_that_cannot_be_stored_as_it_is_is_rejected(value: object, reason: str) -> None:
    assert is_rejected(text_of(value), reason)


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "1.10",
        "12345678901234567890.123456789",
        "0.000000000000000000001",
        "9" * 100,
        "0." + "0" * 99 + "1",
        "100.00",
    ],
)
def test_numbers_are_kept_digit_by_digit_as_number_and_as_text(text: str) -> None:
    number = decode(text.encode())

    for value in (number, text, f" {text} \n"):
        stored = number_of(value)
        assert isinstance(stored, str)
        assert Decimal(stored) == Decimal(text)
        assert Decimal(stored).as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize(
    "text, value", [("+5", 5), (" 12.5 ", "12.5"), ("1e5", 100000), ("5.", 5), (".5", "0.5"), ("1E-2", "0.01")]
)
def test_numeric_text_is_a_number(text: str, value: Any) -> None:
    stored = number_of(text)

    assert isinstance(stored, str)
    assert Decimal(stored) == Decimal(value)


@pytest.mark.parametrize(
    "value",
    [
        *[
            "1_000",
            "１２",
            "NaN",
            "nan",
            "Infinity",
            "-inf",
            "0x10",
            "1,5",
            "1 000",
            "12kg",
            "--1",
            "e5",
            ".",
            "+",
            "1e",
            "٣",
        ],
        *["1\0", "1.2.3", "$5", "1e1e1", "true", "null", "1e9999999", "\u22121"],
        *[True, False, [], {}, [1]],
    ],
)
def test_what_is_not_a_number_is_rejected(value: object) -> None:
    outcome = number_of(value)

    assert is_rejected(outcome, "weight must be a number, found ")
    assert "\0" not in outcome.reason


@pytest.mark.parametrize(
    "text", ["1e100", "1e-101", "9" * 101, "9" * 5000, "0." + "0" * 100 + "1", "1e99999", "1e999999999999999999999"]
)
def test_numbers_of_absurd_size_are_rejected_in_every_form(text: str) -> None:
    outcomes = [number_of(decode(text.encode()))]
    if len(text) < 10 or "e" not in text:
        outcomes.append(number_of(text))

    for outcome in outcomes:
        assert is_rejected(outcome, "weight must have at most 100 digits on either side of the decimal point")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_json_does_not_know_make_a_record_unreadable(constant: str) -> None:
    value = decode(f'{{"weight": {constant}}}'.encode())

    assert value == Unreadable(
        f"weight is {constant}, which is not JSON: expected a number or null",
        field="weight",
        is_json=True,
        names=frozenset({"weight"}),
    )


@pytest.mark.parametrize("zero", ["0", "0.0", "-0", "-0.0", "0e5", "0.000"])
def test_a_weight_is_more_than_zero_other_measures_may_be_zero(zero: str) -> None:
    for value in (zero, decode(zero.encode())):
        assert is_rejected(number_of(value), "weight must be more than 0, found")
        for field in ("cost", "delivery_time"):
            assert isinstance(number_of(value, field), str)


def test_no_measure_is_negative() -> None:
    assert is_rejected(number_of(-1), "weight must be more than 0, found -1")
    assert is_rejected(number_of("-0.5", "cost"), "cost must be at least 0, found -0.5")
    assert is_rejected(number_of(Decimal("-1e-90"), "delivery_time"), "delivery_time must be at least 0")
    assert is_rejected(validated(VEHICLES, {**VEHICLE, "total_mileage": -1}), "total_mileage must be at least 0")
    for field in ("mileage", "fuel_used"):
        assert is_rejected(validated(VEHICLE_LOGS, {**LOG, field: -1}), f"{field} must be at least 0")


@settings(deadline=None, max_examples=100)
@given(number=st.decimals(min_value="0.0001", max_value="1e30", allow_nan=False) | st.integers(1, 10**60))
def test_any_number_comes_out_as_it_went_in(number: Decimal | int) -> None:
    for value in (number, str(number)):
        stored = number_of(value)
        assert isinstance(stored, str)
        assert Decimal(stored) == number


# -- dates -------------------------------------------------------------------------------------------------------------


def test_dates_are_stored_as_iso_dates() -> None:
    assert validated(VEHICLE_LOGS, {**LOG, "trip_date": " 5-Mar-24 "})["trip_date"] == "2024-03-05"
    assert validated(VEHICLE_LOGS, {**LOG, "trip_date": "2024-03-05T23:59:59-11:00"})["trip_date"] == "2024-03-05"


@pytest.mark.parametrize(
    "value", [20240305, True, [], "x" * 100, "1899-12-31", "2024-02-30", "\0", "\ud83d", "03/05/2024"]
)
def test_bad_dates_are_rejected_with_a_reason_that_can_be_stored(value: object) -> None:
    for _ in range(2):  # the second time from the cache
        outcome = validated(VEHICLE_LOGS, {**LOG, "trip_date": value})
        assert is_rejected(outcome, "trip_date ")
        assert "\0" not in outcome.reason
        outcome.reason.encode()


# -- anything at all ---------------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(st.characters(), max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=300)
@given(data=st.data(), example=st.sampled_from(EXAMPLES))
def test_any_record_becomes_a_row_that_copy_takes_or_a_reason_that_can_be_stored(data: Any, example: Any) -> None:
    dataset, record = example
    field = data.draw(st.sampled_from(dataset.columns))

    outcome = compile_validator(dataset)({**record, field: data.draw(ANYTHING.filter(_is_json))})

    if isinstance(outcome, Rejection):
        assert outcome.field == field
        assert "\0" not in outcome.reason
        outcome.reason.encode()
    else:
        assert copied(outcome) == outcome


def _is_json(value: object) -> bool:
    return not (isinstance(value, Decimal) and not value.is_finite())


def copied(row: Row) -> Row:
    """A row as PostgreSQL reads it from COPY text: https://www.postgresql.org/docs/current/sql-copy.html."""
    line = encode_row(row, 1)
    assert "\n" not in line
    *cells, number = line.split("\t")
    assert number == "1"
    return tuple(None if cell == "\\N" else _unescaped(cell) for cell in cells)


def _unescaped(cell: str) -> str:
    characters, text = iter(cell), ""
    escapes = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
    for character in characters:
        text += escapes[next(characters)] if character == "\\" else character
    return text


@pytest.mark.skipif(not NAUGHTY_STRINGS.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("layout", ["array", "escaped array", "lines", "csv"])
def test_naughty_strings_are_stored_as_they_are_or_rejected(read_content: Any, layout: str) -> None:
    strings: list[str] = json.loads(NAUGHTY_STRINGS.read_text(encoding="utf-8"))
    assert len(strings) > 500
    records = [{"vehicle_id": str(number), "name": text} for number, text in enumerate(strings)]
    quoted = [
        '{vehicle_id},"{name}"'.format(**{**record, "name": record["name"].replace('"', '""')}) for record in records
    ]
    content = {
        "array": json.dumps(records, ensure_ascii=False),
        "escaped array": json.dumps(records),
        "lines": "\n".join(json.dumps(record, ensure_ascii=False) for record in records),
        "csv": "\n".join(["vehicle_id,name", *quoted]),
    }[layout].encode()

    outcome = read_content(content)

    assert (len(outcome.records), outcome.error) == (len(strings), None)
    validate = compile_validator(VEHICLES)
    for text, record in zip(strings, outcome.records, strict=True):
        row = validate(record.value)
        if isinstance(row, Rejection):
            is_mark_in_csv = layout == "csv" and text.startswith("\ufeff")  # two files may have been joined there
            assert len(text) > 255 or "\0" in text or is_mark_in_csv
        else:
            assert copied(row)[1] == (text.strip() or None)
