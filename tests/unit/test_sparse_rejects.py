"""Few bad records among many regular ones: both parsers find the same ones, wherever they are, and name why."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset, FieldType
from logistics_pipeline.loading.formats.csv_columns import ColumnSplitter
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, LinesLayout
from logistics_pipeline.loading.parse.object_lines import replace_broken, replace_others
from logistics_pipeline.loading.parse.parsers import ReadTask, find_formats
from tests.datasets import DATASETS, SHIPMENTS, VEHICLE_LOGS
from tests.unit.test_parsers import Outcome, content, read

SHIPMENT = {
    "shipment_id": "S-1",
    "log_id": "L-1",
    "origin": "Köln",
    "destination": "Port of Spain",
    "weight": 120.5,
    "cost": 99.9,
    "delivery_time": 3,
}
LOG = {"log_id": "L-1", "vehicle_id": "V-1", "trip_date": "2024-03-05", "mileage": 120.5, "fuel_used": None}
LONG = "far away " * 40
BAD_TEXTS = ["", "  ", None, LONG, "a\0b", 7, True, ["a"], {"a": "}"}]
BAD_NUMBERS = [
    -0.01,
    -3,
    "-3",
    0,
    "x",
    "1.250,-",
    "about 120, see receipt",
    "NaN",
    "9" * 101,
    True,
    "true",
    [1, 2],
    "[1,2]",
]
BAD_NUMBERS += [{"a": 1}]
BAD_DATES = ["", None, "2024-02-30", "1899-12-31", "03/04/2024", "13/04/2024", "2204-06-01", 20240305, ["2024-03-05"]]
VALID_AND_UNUSUAL: dict[str, list[Any]] = {
    "origin": [" padded ", "x" * 255, "tab\there", "back\\slash", "a},{b"],
    "trip_date": ["5-Mar-2024", " 2024-03-06 ", "2024-03-05T10:00:00Z"],
    "mileage": ["12.5", 0, 1e3],
    "weight": ["12.5", "1" * 90],
}
NO_RECORDS = ['"no data, { received }"', '"cancelled"', "null", "17", "[1, 2]", "{}", '{"unknown": 1}']
BROKEN_LINES = ['{"log_id": "L-1"', '{"log_id": "L-1",}', '{"cost": NaN, "x": 1}', "nonsense", "{", "}", '{"a":{"b":1}']
BROKEN_BYTES = '{"log_id": "L-\udcff"}'


def bad_values(name: str) -> list[Any]:
    if name == "trip_date":
        return BAD_DATES
    is_number = name in ("mileage", "fuel_used", "weight", "cost", "delivery_time")
    return BAD_NUMBERS if is_number else BAD_TEXTS


@st.composite
def changed_records(draw: st.DrawFn, regular: dict[str, Any]) -> dict[str, Any]:
    """A record with one or two fields that are bad, missing or unusual."""
    record = dict(regular)
    names = list(regular)
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)):
        value = draw(st.sampled_from(bad_values(name) + VALID_AND_UNUSUAL.get(name, []) + ["(left out)"]))
        if value == "(left out)":
            del record[name]
        else:
            record[name] = value
    return record


@st.composite
def places(draw: st.DrawFn, count: int) -> list[int]:
    """Where the bad ones are: first, last, adjacent, scattered, or everywhere."""
    first = draw(st.integers(0, count - 1))
    adjacent = list(range(first, min(first + draw(st.integers(1, 4)), count)))
    scattered = st.lists(st.integers(0, count - 1), max_size=4)
    chosen = draw(st.one_of(st.just([0]), st.just([count - 1]), st.just(adjacent), scattered, st.just([*range(count)])))
    return sorted({*chosen, *draw(st.lists(st.integers(0, count - 1), max_size=2))})


def regular_records(regular: dict[str, Any], count: int) -> list[dict[str, Any]]:
    key = next(iter(regular))
    return [regular | {key: f"K-{number}"} for number in range(count)]


@st.composite
def records_with_sparse_others(
    draw: st.DrawFn, regular: dict[str, Any], count: int, others: Sequence[str]
) -> list[str]:
    """Regular records as JSON, with changed ones and other texts among them."""
    texts = [json.dumps(record) for record in regular_records(regular, count)]
    for place in draw(places(count)):
        texts[place] = draw(st.one_of(changed_records(regular).map(json.dumps), st.sampled_from(others)))
    return texts


def check(path: Path, dataset: Dataset, layout: Any, chunk_bytes: int) -> Outcome:
    reference = read(path, dataset, layout, reference=True, chunk_bytes=chunk_bytes)
    fast = read(path, dataset, layout, chunk_bytes=chunk_bytes)
    assert content(fast) == content(reference)
    assert len(fast.rows) + len(fast.rejects) == fast.records
    data = path.read_bytes()
    if is_utf8(data):  # otherwise the file is read as one of another encoding
        for _, offset, raw, _ in fast.rejects.values():
            assert isinstance(offset, int) and isinstance(raw, bytes)
            assert data[offset : offset + len(raw)] == raw
    return fast


def is_utf8(data: bytes) -> bool:
    return "\ufffd" not in data.decode(errors="replace")


kinds = st.sampled_from([(SHIPMENTS, SHIPMENT), (VEHICLE_LOGS, LOG)])
counts = st.sampled_from([9, 40, 70])
sizes = st.sampled_from([1_500, 100_000])


@given(st.data(), kinds, counts, sizes)
@settings(max_examples=60, deadline=None)
def test_sparse_bad_elements_of_an_array(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    kind: tuple[Dataset, dict[str, Any]],
    count: int,
    chunk_bytes: int,
) -> None:
    dataset, regular = kind
    texts = data.draw(records_with_sparse_others(regular, count, NO_RECORDS))
    gap = data.draw(st.sampled_from([",", ",\n", " ,\r\n "]))
    path = tmp_path_factory.getbasetemp() / "elements"
    path.write_text("[\n" + gap.join(texts) + "\n]\n", newline="")
    check(path, dataset, ElementsLayout(1), chunk_bytes)


@given(st.data(), kinds, counts, sizes)
@settings(max_examples=60, deadline=None)
def test_sparse_bad_lines(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    kind: tuple[Dataset, dict[str, Any]],
    count: int,
    chunk_bytes: int,
) -> None:
    dataset, regular = kind
    indented = f" {json.dumps(regular_records(regular, 1)[0])}"
    others = [*NO_RECORDS, *BROKEN_LINES, BROKEN_BYTES, indented, ""]
    texts = data.draw(records_with_sparse_others(regular, count, others))
    line_end = data.draw(st.sampled_from(["\n", "\r\n"]))
    path = tmp_path_factory.getbasetemp() / "lines"
    path.write_bytes("".join(text + line_end for text in texts).encode("utf-8", "surrogateescape"))
    check(path, dataset, LinesLayout(0), chunk_bytes)


@given(st.data(), kinds, counts, sizes)
@settings(max_examples=60, deadline=None)
def test_sparse_bad_rows(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    kind: tuple[Dataset, dict[str, Any]],
    count: int,
    chunk_bytes: int,
) -> None:
    dataset, regular = kind
    rows = [list(map(cell, record.values())) for record in regular_records(regular, count)]
    for place in data.draw(places(count)):
        record = {**dict.fromkeys(regular), **data.draw(changed_records(regular))}
        rows[place] = list(map(cell, record.values())) + data.draw(st.sampled_from([[], [], [], ["more"]]))
    path = tmp_path_factory.getbasetemp() / f"{dataset.name}.csv"
    path.write_text("\n".join(map(",".join, [list(regular), *rows])) + "\n", newline="")
    layout = detect_format(path, dataset, DATASETS, 10_000).layout
    whole = read(path, dataset, layout, chunk_bytes=100_000)
    row_by_row = read(path, dataset, layout, chunk_bytes=1)
    assert content(whole) == content(row_by_row) == content(read(path, dataset, layout, chunk_bytes=chunk_bytes))


NUMBER_DATES = [
    "03/04/2024",
    "13.04.2024",
    "04-13-24",
    " 3/4/2024 ",
    "\u00a03/4/2024 2:30 PM",
    "3/4/2024T99:99",
    '"3/4/2024"',
]
OTHER_DATES = ["2024-03-05", "2024/03/05", "1.13.4.2024", "33/44/2024", "3/4", "3/4/202", "a3/4/2024", "\u0663/4/2024"]
IRREGULAR_ROWS = (
    *(
        "L,V,3/4/2024,1,2,3",
        "L,V,3/4/2024",
        "V",
        ",,,,",
        "",
        " , ,,,",
        ",V,3/4/2024,1,2",
        '"L","V",13/4/2024,1,"2"',
        ",,,,7",
    ),
    *(
        "log_id,vehicle_id,trip_date,mileage,fuel_used",
        "fuel_used,vehicle_id,trip_date,mileage,log_id",
        'L,V,"3/4/2024,1,2',
    ),
    *(
        'L,"V\nV",4/13/2024,1,2',
        "\ufeffL,V,3/4/2024,1,2",
        "L,V,3/4/2024\r,1,2",
        'L,5" V,3/4/2024,1,2',
        "3/4/2024,4/3/2024,x,1,2",
    ),
)


@given(st.data(), st.sampled_from([9, 70]), sizes, st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=120, deadline=None)
def test_the_order_of_dates_is_found_by_the_rows_that_may_prove_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, count: int, chunk_bytes: int, line_end: str
) -> None:
    rows = [f"L-{number},V-1,2024-03-05,120.5,3" for number in range(count)]
    dates = st.sampled_from([*NUMBER_DATES, *OTHER_DATES]).map("L-1,V-1,{},120.5,1.25".format)
    for place in data.draw(places(count)):
        rows[place] = data.draw(st.one_of(dates, st.sampled_from(IRREGULAR_ROWS)))
    path = tmp_path_factory.getbasetemp() / "dates.csv"
    path.write_text(line_end.join([",".join(LOG), *rows, ""]), newline="")
    layout = detect_format(path, VEHICLE_LOGS, DATASETS, 10_000).layout
    task = ReadTask(path, VEHICLE_LOGS, layout, 1, Checkpoint(), None, chunk_bytes, 1 << 20)

    found, damage = find_formats(task, {FieldType.DATE})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ColumnSplitter, "read_dates", lambda self, text: None)
        expected, expected_damage = find_formats(task, {FieldType.DATE})

    assert (found, str(damage)) == (expected, str(expected_damage))


def test_rows_without_dates_of_numbers_are_not_read_for_their_order() -> None:
    splitter = ColumnSplitter(CsvLayout(0, ",", b"\n", tuple(LOG), b""))
    lines = [b"L-%d,V,2024-03-05,1.5,2\n" % number for number in range(40)]
    lines[3], lines[39] = b"L,V,3/4/2024,1,2\n", b'"L",V,2024-03-05,1,2\n'

    found = splitter.read_dates(b"".join(lines))

    assert found is not None
    dates = found.columns[2]
    assert len(dates) == 40
    assert {index: date for index, date in enumerate(dates) if date} == {3: "3/4/2024", 39: "2024-03-05"}


def cell(value: object) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if any(each in text for each in ',"\n') else text


def test_few_broken_lines_leave_their_piece_whole_and_are_no_part_of_it() -> None:
    lines = [b'{"a": %d}' % number for number in range(40)]
    lines[0], lines[20], lines[39] = b'"no data"', b'{"a": 1,}', b"nonsense"
    text = b"".join(line + b"\r\n" for line in lines)

    others = replace_others(text)
    assert others is not None
    assert others[1] == [0, text.index(b"nonsense")]
    broken = replace_broken(others[0])
    assert broken is not None
    assert broken[1] == [text.index(b'{"a": 1,}')]
    lines[0], lines[20], lines[39] = b"{       }", b"{       }", b"{      }"
    assert broken[0] == b"".join(line + b"\r\n" for line in lines)


def test_broken_utf8_is_found_before_and_after_what_is_not_json() -> None:
    lines = [b'{"a": %d}' % number for number in range(40)]
    lines[3], lines[4], lines[9] = b'{"a": "\xff"}', b"{,}", b'{"\xc3": "\xc3\xa4"}'
    text = b"\n".join([*lines, b""])

    broken = replace_broken(text)

    assert broken is not None
    assert broken[1] == [text.index(lines[number]) for number in (3, 4, 9)]


@pytest.mark.parametrize("line", ["", " {} ", "7", '{"a": 1}\n', '{"a": 1}\r\r'])
def test_lines_that_are_blank_or_not_certain_are_read_one_by_one(line: str) -> None:
    lines = ['{"a": 1}\r\n'] * 40
    lines[7] = f"{line}\r\n"
    assert replace_others("".join(lines).encode()) is None


def test_many_lines_to_be_replaced_are_read_one_by_one() -> None:
    assert replace_others(b'{"a": 1}\n"b"\n' * 40) is None
    assert replace_broken(b'{"a": 1}\n{,}\n' * 40) is None
    assert replace_broken(b'{"a": 1}\n' * 40) is None


def test_a_long_value_is_found_beside_another_bad_one(tmp_path: Path) -> None:
    records = regular_records(SHIPMENT, 40)
    records[20] |= {"origin": LONG, "weight": -1}
    records[30] |= {"weight": -1, "cost": "9" * 101}
    path = tmp_path / "elements"
    path.write_text(json.dumps(records))

    fast = check(path, SHIPMENTS, ElementsLayout(1), 100_000)

    assert [reject[3].field for reject in fast.rejects.values()] == ["origin", "weight"]  # type: ignore[attr-defined]
