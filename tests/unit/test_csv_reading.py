"""Records out of CSV: what the csv module and the standard say, row by row, with the place of each."""

import csv
import io
import json
import operator
import tarfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import open_source
from logistics_pipeline.loading.formats.csv_reader import read_csv
from logistics_pipeline.loading.layouts import CsvLayout, Unreadable
from tests.checkout import PROJECT_ROOT
from tests.datasets import SHIPMENTS, VEHICLE_LOGS

CSV_SPECTRUM = PROJECT_ROOT.parent / "shared/data/csv_spectrum/csv_spectrum.tar.xz"

CELLS = st.one_of(
    st.sampled_from(["", " ", '"', '""', "a,b", "x;y", "t\tt", "p|p", "1\n2", "1\r\n2", "12.5", "漢", "\0", "'", "\\"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufeff"), max_size=6),
)
COLUMNS = ("vehicle_id", "name", "other")
BLOCKS = st.one_of(st.integers(1, 30), st.just(1000))


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    delimiter, newline = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    rows = draw(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
    # The writer of Python before 3.13 leaves line ends unquoted that are not its own.
    quoting = csv.QUOTE_ALL if newline == "\r" else draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows([COLUMNS, *rows])
    whole = text.getvalue()
    return draw(st.sampled_from(["", "\ufeff"])) + draw(st.sampled_from([whole, whole.removesuffix(newline)])), rows


@settings(deadline=None, max_examples=150)
@given(table=tables(), block_bytes=BLOCKS)
def test_every_row_is_read_with_its_place_and_a_load_resumes_behind_any(
    read_content: Any, table: tuple[str, list[list[str]]], block_bytes: int
) -> None:
    text, rows = table
    content = text.encode()

    outcome = read_content(content, block_bytes=block_bytes, run_bytes=1)

    assert outcome.error is None
    assert outcome.values == [dict(zip(COLUMNS, row, strict=True)) for row in rows if "".join(row).strip(" \t")]
    assert [record.number for record in outcome.records] == list(range(1, len(outcome.values) + 1))
    for record in outcome.records:
        assert content[record.offset : record.offset + len(record.raw)] == record.raw
    for checkpoint in outcome.checkpoints:
        rest = read_content(content, after=checkpoint, block_bytes=block_bytes)
        assert (rest.records, rest.error) == (outcome.records[checkpoint.records :], None)
    runs = [run for run in outcome.runs if len(run.values)]
    are_adjacent = operator.eq if len(outcome.values) == len(rows) else operator.le  # rows without values lie between
    assert all(are_adjacent(one.end, other.raw_record(0).byte_offset) for one, other in pairwise(runs))


@settings(deadline=None, max_examples=40)
@given(table=tables())
def test_a_cut_table_gives_all_complete_rows(read_content: Any, table: tuple[str, list[list[str]]]) -> None:
    text, rows = table
    assume(all("".join(row).strip(" \t") for row in rows))
    content = text.encode()
    whole = read_content(content).records
    header_end = whole[0].offset if whole else len(content)
    ends = [record.offset for record in whole[1:]] + [len(content)]

    for cut in range(header_end, len(content)):
        outcome = read_content(content[:cut])
        complete = [record for record, end in zip(whole, ends, strict=False) if end <= cut]
        assert outcome.records[: len(complete)] == complete
        assert len(outcome.records) <= len(complete) + 1
        if outcome.error is not None:
            assert outcome.error.record_no == len(complete) + 1
            assert "never closed" in outcome.error.message


def test_blank_lines_are_no_records_but_count_for_the_offsets(read_content: Any) -> None:
    content = b"\n\nvehicle_id,name\n\n1,a\n\r\n\n2,b\n\n"

    outcome = read_content(content)

    assert outcome.values == [{"vehicle_id": "1", "name": "a"}, {"vehicle_id": "2", "name": "b"}]
    for record in outcome.records:
        assert content[record.offset :].lstrip().startswith(record.raw.strip())


def test_a_wrong_number_of_fields_costs_the_row_only(read_content: Any) -> None:
    outcome = read_content(b"vehicle_id,name\n1\n2,b\n3,c,d\n4,d\n")

    assert [type(value) for value in outcome.values] == [Unreadable, dict, Unreadable, dict]
    assert outcome.values[0] == Unreadable("the row has 1 fields, the header 2")


@pytest.mark.parametrize("row", [b'"a"b,c', b'"a" ,c', b'a,"b""c" d'])
def test_broken_quoting_is_rejected_rather_than_guessed(read_content: Any, row: bytes) -> None:
    outcome = read_content(b"vehicle_id,name\n" + row + b"\n2,b\n")

    assert outcome.values[0].reason.startswith("not CSV: ")
    assert outcome.records[0].raw == row
    assert outcome.values[1] == {"vehicle_id": "2", "name": "b"}


def test_a_quote_in_the_middle_of_a_field_is_text(read_content: Any) -> None:
    assert read_content(b'vehicle_id,name\n1,6" pipe\n').values == [{"vehicle_id": "1", "name": '6" pipe'}]


def test_a_bare_carriage_return_costs_its_row_only(read_content: Any) -> None:
    outcome = read_content(b"vehicle_id,name\n1,a\rb\n2,b\n")

    assert [type(value) for value in outcome.values] == [Unreadable, dict]


def test_a_quote_never_closed_is_an_error_with_its_place(read_content: Any) -> None:
    content = b'vehicle_id,name\n1,a\n2,"b\n3,c\n4,d'

    outcome = read_content(content)
    bounded = read_content(content + b"\n5,e" * 100, max_record_bytes=50, block_bytes=20)

    for error in (outcome.error, bounded.error):
        assert (error.record_no, error.byte_offset) == (2, content.index(b'2,"'))
        assert "quote" in error.message
    assert len(outcome.records) == len(bounded.records) == 1


def test_invalid_utf8_stays_visible_in_its_row(read_content: Any) -> None:
    outcome = read_content(b"vehicle_id,name\n1,caf\xe9\n2,caf\xc3\xa9\n")

    assert [value["name"] for value in outcome.values] == ["caf\udce9", "café"]
    assert outcome.records[0].raw == b"1,caf\xe9"


@pytest.mark.parametrize("delimiter, name", [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "pipes")])
def test_the_delimiter_is_the_one_that_makes_field_names(read_content: Any, delimiter: str, name: str) -> None:
    header = delimiter.join(["log_id", "Note, or; what|ever".replace(delimiter, ""), "vehicle_id", " trip_date "])
    row = delimiter.join(["1", "x", "2", "3"])

    outcome = read_content(f"{header}\n{row}\n".encode(), VEHICLE_LOGS)

    assert outcome.format == f"csv with {name}"
    assert outcome.values[0]["trip_date"] == "3"


@pytest.mark.parametrize(
    "header, message",
    [
        (b"a,b,c", "Neither JSON nor a CSV header of shipments: a, b, c"),
        (b"shipment_id,origin,destination,LOG", "The CSV header lacks log_id; it names shipment_id, origin"),
        (b"shipment_id,origin,destination,log_id,origin", "The CSV header names origin twice"),
        (b"shipment_id,ori\0gin", "Not text"),
        (b"x" * 1000, "xxx…; expected a JSON array of objects"),
        (b"caf\xe9,\xc2\x85", "Neither JSON nor a CSV header of shipments: caf\ufffd, ;"),
    ],
)
def test_a_header_that_does_not_do_is_an_error_that_says_why(read_content: Any, header: bytes, message: str) -> None:
    for newline in (b"\n", b"\r\n", b"\r", b""):
        assert message in str(read_content(header + newline, SHIPMENTS).error)


def test_unknown_columns_may_have_the_same_or_no_name(read_content: Any) -> None:
    assert read_content(b"vehicle_id,note,note,,\n1,a,b,,\n").values == [{"vehicle_id": "1", "note": "b", "": ""}]


@pytest.mark.skipif(not CSV_SPECTRUM.exists(), reason="the shared data is not here")
def test_the_csv_spectrum_is_read_as_its_json_says(tmp_path: Path) -> None:
    with tarfile.open(CSV_SPECTRUM) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}  # type: ignore[union-attr]
    names = [Path(name).stem for name in files if name.startswith("csvs/")]
    assert len(names) == 12
    for name in names:
        path = tmp_path / name
        content = files[f"csvs/{name}.csv"]
        if name.endswith("_crlf") and b"\r" not in content:  # lost on the set's way here
            content = content.replace(b"\n", b"\r\n")
        path.write_bytes(content)
        expected = json.loads(files[f"json/{name}.json"])
        if name == "location_coordinates":  # one row, and the two files of the set differ in its number
            expected = {**expected, "Contact Phone Number": "2095257564"}
        assert _rows(path) == (expected if isinstance(expected, list) else [expected]), name


def _rows(path: Path) -> list[object]:
    content = path.read_bytes()
    line = content.partition(b"\n")[0] + b"\n"
    header = tuple(next(csv.reader([line.decode()])))
    layout = CsvLayout(len(line), ",", b"\n", header, line)
    with open_source(path) as source:
        source.skip_to(layout.start)
        return [run.values[index] for run in read_csv(source, layout, 0, 10_000, 1) for index in range(len(run.values))]


def test_a_header_alone_is_a_file_without_records(read_content: Any) -> None:
    for content in (b"vehicle_id,name", b"vehicle_id,name\n", b"vehicle_id,name\r\n\r\n"):
        outcome = read_content(content)
        assert (outcome.records, outcome.error) == ([], None)


def test_too_long_a_line_is_an_error_with_its_place(read_content: Any) -> None:
    outcome = read_content(b"vehicle_id\n1\n" + b"2" * 1000 + b"\n3\n", max_record_bytes=100, block_bytes=7)

    assert len(outcome.records) == 1
    assert isinstance(outcome.error, FileError)
    assert outcome.error.byte_offset == 13
