"""Fields of JSON records found by aliases, and within objects."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from logistics_core.catalogue import Dataset, Field, FieldType, InvalidValues, Role
from logistics_pipeline.loading.formats.json_names import json_names
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, LinesLayout, ObjectsLayout
from logistics_pipeline.loading.parse import typed_json
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks


def field(name: str, *aliases: str, type: FieldType = FieldType.STRING, required: bool = False) -> Field:
    return Field(name, name, type, Role.TEXT, name, required=required, aliases=aliases)


ORDERS = Dataset(
    name="orders",
    title="Orders",
    singular="order",
    key=("order_id",),
    fields=(
        field("order_id", "Order ID", required=True),
        field("city", "Stadt", "customer.city"),
        field("amount", "total.net.value", type=FieldType.NUMBER),
        field("tags", type=FieldType.ARRAY),
    ),
    description="Orders",
    has_extras=True,
)


def load(
    tmp_path: Path, records: list[object], dataset: Dataset = ORDERS, *, layout: str = "array", reference: bool = False
) -> tuple[list[list[str]], list[str], set[str]]:
    """The rows, the reasons of the rejects, and the names of unknown fields."""
    path = tmp_path / "file"
    texts = [json.dumps(each) for each in records]
    kinds: dict[str, tuple[str, Layout]] = {
        "array": (f"[{', '.join(texts)}]", ElementsLayout(1)),
        "lines": ("\n".join([*texts, ""]), LinesLayout(0)),
        "objects": ("\n".join(texts), ObjectsLayout(0)),
    }
    text, found = kinds[layout]
    path.write_text(text)
    task = ReadTask(path, dataset, found, 7, Checkpoint(), None, 10_000, 10_000_000, reference)
    chunks = list(read_chunks(task))
    assert not any(chunk.error for chunk in chunks)
    lines = [line.split("\t") for chunk in chunks for line in chunk.text.decode().splitlines()]
    rows = [line[:-2] for line in sorted(lines, key=lambda line: int(line[-2]))]
    reasons = [reject.rejection.reason for chunk in chunks for reject in chunk.rejects]
    return rows, reasons, {name for chunk in chunks for name in chunk.unknown_fields}


@pytest.fixture(params=["array", "lines", "objects", "reference"])
def how(request: pytest.FixtureRequest) -> dict[str, object]:
    return {"reference": True} if request.param == "reference" else {"layout": request.param}


def test_a_member_named_by_an_alias_or_a_path_fills_the_field(tmp_path: Path, how: dict[str, object]) -> None:
    records = [
        {"Order ID": "A1", "customer": {"city": "Rome", "zip": "00100"}, "total": {"net.value": 1.50}, "tags": [1]},
        {"Order ID": "A2", "customer": {"city": "Bonn", "zip": "53111"}, "total": {"net.value": 2}, "tags": None},
        {"Order ID": "A3", "customer": None, "note": "x"},
        {"Order ID": "A4", "customer": {}},
        {"Order ID": "A5"},
    ]

    rows, reasons, unknown = load(tmp_path, records, **how)  # type: ignore[arg-type]

    assert [row[:3] for row in rows] == [
        ["A1", "Rome", "1.5"],
        ["A2", "Bonn", "2"],
        *([f"A{number}", "\\N", "\\N"] for number in (3, 4, 5)),
    ]
    assert rows[0][3] == "[1]"
    assert [row[4] for row in rows[:3]] == ['{"customer.zip":"00100"}', '{"customer.zip":"53111"}', '{"note":"x"}']
    assert (reasons, unknown) == ([], {"customer.zip", "note"})


def test_a_field_in_a_record_twice_rejects_it_and_names_both_places(tmp_path: Path, how: dict[str, object]) -> None:
    records = [
        {"order_id": "A1", "Stadt": "Rome", "customer": {"city": "Bonn"}},
        {"order_id": "A2", "customer.city": "Rome", "customer": {"city": "Bonn"}},
        {"order_id": "A3", "Order ID": "B3"},
        {"order_id": "A4", "Stadt": None, "customer": {"city": "Bonn"}},
        {"order_id": "A5", "customer.city": "Oslo"},
    ]

    rows, reasons, _ = load(tmp_path, records, **how)  # type: ignore[arg-type]

    assert [row[:2] for row in rows] == [["A4", "Bonn"], ["A5", "Oslo"]]
    assert reasons == [
        "city is in the record more than once, as `Stadt` and `city` of the object `customer`: expected one of them",
        "city is in the record more than once, as `customer.city` and `city` of the object `customer`: expected one "
        "of them",
        "order_id is in the record more than once, as `order_id` and `Order ID`: expected one of them",
    ]


@pytest.mark.parametrize(
    ("value", "described"),
    [("Rome", 'the text "Rome"'), (5, "the number 5"), (True, "true"), (["Rome"], "an array"), ([], "an array")],
)
def test_what_stands_in_place_of_an_object_rejects_the_record(
    tmp_path: Path, how: dict[str, object], value: object, described: str
) -> None:
    records = [{"order_id": "A1", "customer": {"city": "Oslo"}}, {"order_id": "A2", "customer": value}]

    rows, reasons, unknown = load(tmp_path, records, **how)  # type: ignore[arg-type]

    assert [row[0] for row in rows] == ["A1"]
    assert reasons == [f"city is expected in the object `customer`, which is {described}: expected an object or null"]
    assert unknown == set()


def test_such_a_value_is_cleared_where_the_contract_says_so(tmp_path: Path) -> None:
    fields = tuple(
        replace(each, invalid_values=None if each.required else InvalidValues.NULL) for each in ORDERS.fields
    )
    path = tmp_path / "file"
    path.write_text(
        '[{"order_id": "A1", "customer": ["Rome"]}, {"order_id": "A2", "Stadt": 1, "customer": {"city": 2}}]'
    )
    task = ReadTask(path, replace(ORDERS, fields=fields), ElementsLayout(1), 7, Checkpoint(), None, 10_000, 10_000)

    cleared = [each for chunk in read_chunks(task) for _, each in chunk.cleared]

    assert [each.raw for each in cleared] == [b'["Rome"]', b'{"Stadt": 1, "customer.city": 2}']


def test_an_object_can_be_a_field_and_hold_others(tmp_path: Path, how: dict[str, object]) -> None:
    whole = field("customer", type=FieldType.OBJECT)
    records = [{"order_id": "A1", "customer": {"city": "Rome", "zip": 1}}, {"order_id": "A2", "customer": None}]

    rows, reasons, unknown = load(tmp_path, records, replace(ORDERS, fields=(*ORDERS.fields, whole)), **how)  # type: ignore[arg-type]

    assert [row[1:] for row in rows] == [
        ["Rome", "\\N", "\\N", '{"city":"Rome","zip":1}', "\\N"],
        ["\\N"] * 5,
    ]
    assert (reasons, unknown) == ([], set())


def test_a_column_may_hold_texts_and_objects_with_fields(tmp_path: Path, how: dict[str, object]) -> None:
    records = [{"order_id": "A1", "customer": {"city": "Rome"}}, {"order_id": "A2", "customer": "Smith"}]

    rows, reasons, _ = load(tmp_path, records, replace(ORDERS, fields=(*ORDERS.fields, field("customer"))), **how)  # type: ignore[arg-type]

    assert [(row[1], row[4]) for row in rows] == [("Rome", "\\N"), ("\\N", "Smith")]
    assert reasons == []


def test_no_value_is_lost_where_two_have_one_name(tmp_path: Path, how: dict[str, object]) -> None:
    records = [{"order_id": "A1", "customer.zip": "1", "customer": {"city": "Rome", "zip": "2"}}]

    rows, _, unknown = load(tmp_path, records, **how)  # type: ignore[arg-type]

    assert json.loads(rows[0][-1]) == {"customer.zip": "1", "customer.zip_2": "2"}
    assert unknown == {"customer.zip", "customer.zip_2"}


def test_fields_in_an_object_of_a_large_record_are_not_lost_in_silence(tmp_path: Path) -> None:
    records = [{"order_id": "A1", "customer": {"city": "Rome"}, "note": "x" * (1 << 20)}]

    rows, reasons, _ = load(tmp_path, records)

    assert (rows, len(reasons)) == ([], 1)
    assert "more than 1 MiB" in reasons[0]


def test_a_name_with_a_point_that_is_no_path_asks_for_no_object(tmp_path: Path, how: dict[str, object]) -> None:
    dataset = replace(ORDERS, fields=(ORDERS.fields[0], field("speed", "Avg. speed"), field("number", "Nr.")))
    records = [{"order_id": "A1", "Avg": 5, "Avg. speed": "7", "Nr": "x", "Nr.": "9"}]

    rows, reasons, unknown = load(tmp_path, records, dataset, **how)  # type: ignore[arg-type]

    assert (rows, reasons) == ([["A1", "7", "9", '{"Avg":5,"Nr":"x"}']], [])
    assert unknown == {"Avg", "Nr"}


def test_the_fast_parser_reads_fields_within_objects_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    original = typed_json.TypedDecoder.decode

    def decode(self: typed_json.TypedDecoder, *arguments: object) -> object:
        decoded.append(original(self, *arguments))  # type: ignore[arg-type]
        return decoded[-1]

    monkeypatch.setattr(typed_json.TypedDecoder, "decode", decode)
    records: list[object] = [{"Order ID": f"A{n}", "customer": {"city": "Rome", "zip": n}} for n in range(50)]

    rows, reasons, unknown = load(tmp_path, records, layout="lines")

    assert (len(rows), reasons, unknown) == (50, [], {"customer.zip"})
    assert decoded[-1] is not None


def test_names_of_a_dataset_without_aliases_are_plain() -> None:
    plain = replace(ORDERS, fields=(field("order_id"), field("city")))

    assert json_names(plain).is_plain
    assert not json_names(ORDERS).is_plain
