"""The header of a CSV file: a record of any length and spelling, below whatever stands above it, and never guessed."""

from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.formats.reader import detect_format
from logistics_pipeline.loading.layouts import CsvLayout
from tests.datasets import DATASETS, SHIPMENTS, VEHICLE_LOGS, VEHICLES

NEWLINES = [b"\n", b"\r\n", b"\r"]


@pytest.fixture
def header_of(tmp_path: Path) -> Any:
    """Detects the layout and the notes of a file."""

    def detect(content: bytes, dataset: Dataset = VEHICLES) -> tuple[CsvLayout, list[str]]:
        (path := tmp_path / "file").write_bytes(content)
        found = detect_format(path, dataset, DATASETS, 1 << 20)
        assert isinstance(found.layout, CsvLayout)
        return found.layout, list(found.notes)

    return detect


# -- a record of any length ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("break_", ["\n", "\r\n", "\n\n", '\n""x""\n'])
@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_any_name_in_a_header_may_have_line_breaks(read_content: Any, place: int, break_: str, newline: bytes) -> None:
    names = ["shipment_id", "origin", "destination", "log_id"]
    names.insert(place, f'"remark{break_}(free text)"')
    rows = [[f"S{number}" for _ in names] for number in range(3)]
    content = newline.join(",".join(row).encode() for row in [names, *rows]) + newline

    outcome = read_content(content, SHIPMENTS)

    assert outcome.error is None
    assert [value["shipment_id"] for value in outcome.values] == ["S0", "S1", "S2"]
    assert all("remark" + break_.replace('""', '"') + "(free text)" in value for value in outcome.values)


@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_header_may_be_longer_than_a_block(read_content: Any, delimiter: str, newline: bytes) -> None:
    names = [*(f"a_column_with_quite_a_long_name_{number:04}" for number in range(2_100)), "vehicle_id"]
    rows = [["1"] * 2_100 + [f"V{number}"] for number in range(20)]
    content = newline.join(delimiter.join(row).encode() for row in [names, *rows])

    outcome = read_content(content)

    assert [value["vehicle_id"] for value in outcome.values] == [f"V{number}" for number in range(20)]


def test_too_long_a_header_and_one_that_is_never_closed_are_errors(read_content: Any) -> None:
    long = b"vehicle_id" + b",some_column_name" * 20_000
    assert "larger than 100,000 bytes" in str(read_content(long + b"\nV1\n", max_record_bytes=100_000).error)
    assert "never closed" in str(read_content(b'vehicle_id,"name\nV1,x\n').error)


# -- spellings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Vehicle ID",
        "Vehicle_ID",
        "VEHICLE ID ",
        "vehicle-id",
        "vehicleId",
        "VehicleID",
        "Vehicle.Id",
        "vehicle\u00a0id",
    ],
)
def test_a_name_in_another_spelling_is_read_and_noted(read_content: Any, header_of: Any, name: str) -> None:
    content = f"{name},Total Mileage,Name\nV1,12,Van\n".encode()

    assert read_content(content).values == [{"vehicle_id": "V1", "total_mileage": "12", "name": "Van"}]
    layout, notes = header_of(content)
    assert layout.header_text == content.partition(b"\n")[0] + b"\n"
    assert notes[:2] == [
        f"Column `{name.strip()}` read as vehicle_id.",
        "Column `Total Mileage` read as total_mileage.",
    ]


@pytest.mark.parametrize("header", ["LOG ID;vehicle-id;Trip.Date;MILEAGE", "logId\tvehicleId\ttripDate\tMileage"])
def test_spellings_tell_the_delimiter_as_exact_names_do(header_of: Any, header: str) -> None:
    layout, _ = header_of(header.encode() + b"\n", VEHICLE_LOGS)

    assert layout.header == ("log_id", "vehicle_id", "trip_date", "mileage")


def test_the_exact_name_wins_over_other_spellings(read_content: Any, header_of: Any) -> None:
    content = b"Vehicle ID,vehicle_id\nother,V1\n"

    assert read_content(content).values == [{"Vehicle ID": "other", "vehicle_id": "V1"}]
    assert "`Vehicle ID` is ignored" in header_of(content)[1][0]


@pytest.mark.parametrize("name", ["weight (kg)", "Weight [kg]", "wieght", "weights", "total_weight"])
def test_a_column_that_is_probably_meant_for_a_missing_field_is_noted(header_of: Any, name: str) -> None:
    _, notes = header_of(f"shipment_id,origin,destination,{name},delivery_time,log_id\n".encode(), SHIPMENTS)

    assert notes == [f"There is no column weight: if `{name}` holds it, rename that, or it is ignored."]


def test_other_ignored_columns_are_not_noted(header_of: Any) -> None:
    _, notes = header_of(b"shipment_id,origin,destination,driver,remarks,weight,log_id\n", SHIPMENTS)

    assert notes == []


def test_two_columns_that_read_as_the_same_field_are_an_error(read_content: Any) -> None:
    error = read_content(b"Vehicle ID,VEHICLE_ID,name\n1,2,x\n").error

    assert "The columns `Vehicle ID` and `VEHICLE_ID` both read as vehicle_id" in str(error)


@pytest.mark.parametrize("name", ["vehicle_id (new)", "vehicle_ids", "vehicle%id", "my vehicle id"])
def test_what_is_more_than_another_spelling_is_another_column(read_content: Any, name: str) -> None:
    error = str(read_content(f"{name},name,x\n1,2,3\n".encode()).error)

    assert f"A header must name vehicle_id. Nearest matches: vehicle_id (`{name}`?)" in error


# -- above the header ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
def test_a_line_of_excel_s_names_the_delimiter(header_of: Any, delimiter: str, newline: bytes) -> None:
    if newline == b"\r":
        newline = b"\n"  # Excel for the Mac writes no such line
    lines = [f"sep={delimiter}", f"vehicle_id{delimiter}name", f"V1{delimiter}a"]
    layout, notes = header_of(newline.join(line.encode() for line in lines))

    assert (layout.delimiter, layout.header) == (delimiter, ("vehicle_id", "name"))
    assert "names the delimiter" in notes[0]


@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize(
    "lines",
    [
        ["Fleet report"],
        ["Fleet report", "", "as of 2024-06-01", ""],
        ["", "", ""],
        ["Fleet report,,", ",,"],
        ['"Fleet, all depots"', "made by: N.N."],
        ["# comment", "# vehicle_id is the key"],
    ],
)
def test_what_stands_above_the_header_is_passed_over_with_a_note(
    read_content: Any, header_of: Any, lines: list[str], newline: bytes
) -> None:
    content = newline.join(line.encode() for line in [*lines, "vehicle_id,name,total_mileage", "V1,Van,12"])

    assert read_content(content).values == [{"vehicle_id": "V1", "name": "Van", "total_mileage": "12"}]
    layout, notes = header_of(content)
    assert layout.header_text.strip() == b"vehicle_id,name,total_mileage"
    assert any("above the header" in note for note in notes)


@pytest.mark.parametrize(
    "lines, message",
    [
        (["V0,Truck,5", "vehicle_id,name,total_mileage", "V1,Van,12"], "stands what may be a row: V0, Truck, 5"),
        (["name,total_mileage,x", "vehicle_id,name,total_mileage", "V1,Van,12"], "The CSV header lacks vehicle_id"),
        (["V0", "vehicle_id", "V1"], "stands what may be a row: V0"),
    ],
)
def test_where_the_header_is_in_doubt_the_file_fails(read_content: Any, lines: list[str], message: str) -> None:
    outcome = read_content("\n".join(lines).encode())

    assert outcome.records == []
    assert message in str(outcome.error)


# -- delimiters at line ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header, rows",
    [
        ("vehicle_id,name,", ["V1,a,", "V2,b,"]),
        ("vehicle_id,name", ["V1,a,", "V2,b,"]),
        ("vehicle_id,name,", ["V1,a", "V2,b"]),
        ("vehicle_id,name", ["V1,a,,,", "V2,b,,,", ",,,,"]),
        ("vehicle_id,name,,,", ["V1,a,", "V2,b,"]),
    ],
)
def test_delimiters_after_the_last_column_do_not_count(
    read_content: Any, header_of: Any, header: str, rows: list[str]
) -> None:
    content = "\r\n".join([header, *rows]).encode()

    values = read_content(content).values

    assert [(value["vehicle_id"], value["name"]) for value in values] == [("V1", "a"), ("V2", "b")]
    layout, notes = header_of(content)
    assert any("delimiter" in note for note in notes)
    again = read_content(layout.header_text + rows[0].encode())  # as rejects are exported
    assert [value["vehicle_id"] for value in again.values] == ["V1"]


def test_a_delimiter_too_many_in_single_rows_stays_a_reason_to_reject(read_content: Any) -> None:
    for rows in (b"V1,Smith, John,\n", b"V1,a,\nV2,b\n", b"V1,a\nV2,b,\n"):
        outcome = read_content(b"vehicle_id,name\n" + rows)
        assert any("fields, the header 2" in str(value) for value in outcome.values)


# -- files of another kind -------------------------------------------------------------------------------------------


def test_the_error_for_another_file_names_what_is_required_what_was_found_and_what_is_nearest(
    read_content: Any,
) -> None:
    error = str(read_content(b"shipmentno,from,destinatoin,log\nS1,A,B,L1\n", SHIPMENTS).error)

    assert "Neither JSON nor a CSV header of shipments: shipmentno, from, destinatoin, log" in error
    assert "must name shipment_id, origin, destination, log_id" in error
    assert "destination (`destinatoin`?)" in error
