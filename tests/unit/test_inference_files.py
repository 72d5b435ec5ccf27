"""Proposals for whole files: encoding, dialect, header, key, time, names, JSON."""

import gzip
import json
import re
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_core.catalogue.contract_files import contract_from_document
from logistics_pipeline.errors import FileError
from logistics_pipeline.inference.answers import answered
from logistics_pipeline.inference.contract_text import contract_text
from logistics_pipeline.inference.dialect import split_rows
from logistics_pipeline.inference.proposal import Proposal
from logistics_pipeline.inference.propose import propose

TRIPS = [
    ("T-0001", "Köln", "2024-05-01", "12.5"),
    ("T-0002", "Aachen", "2024-05-02", "17.25"),
    ("T-0003", "Köln", "2024-05-02", "9.75"),
    ("T-0004", "Zürich", "2024-05-03", "112"),
]
HEADER = ("Trip ID", "Town", "Trip date", "Distance km")


def csv_text(delimiter: str = ",", newline: str = "\n", quote: str = "", comma: bool = False) -> str:
    rows = [HEADER, *TRIPS]
    cells = [[f"{quote}{cell.replace('.', ',') if comma else cell}{quote}" for cell in row] for row in rows]
    return "".join(delimiter.join(row) + newline for row in cells)


def proposed(folder: Path, content: str | bytes, name: str = "trips.csv", dataset: str | None = None) -> Proposal:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return propose(path, dataset)


def types(proposal: Proposal) -> list[str]:
    return [str(each.type) for each in proposal.columns]


def kinds(proposal: Proposal) -> list[str]:
    return [each.kind for each in proposal.questions]


EXPECTED = ["string", "string", "date", "number"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_dialects(tmp_path: Path, delimiter: str, newline: str, quote: str) -> None:
    proposal = proposed(tmp_path, csv_text(delimiter, newline, quote))

    assert proposal.dialect is not None
    assert (proposal.dialect.delimiter, proposal.dialect.line_end) == (delimiter, newline)
    assert [each.name for each in proposal.columns] == ["trip_id", "town", "trip_date", "distance_km"]
    assert types(proposal) == EXPECTED
    assert (proposal.key, proposal.time_column, proposal.rows) == (("trip_id",), "trip_date", 4)


def test_a_decimal_comma_between_semicolons(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text(";", comma=True))

    assert types(proposal) == EXPECTED
    assert proposal.columns[3].decimal_char == ","


def test_a_decimal_comma_between_commas_with_quotes(tmp_path: Path) -> None:
    text = 'id,amount,town\nA1,"12,5",Köln\nA2,"3,25",Aachen\nA3,7,Zug\n'

    proposal = proposed(tmp_path, text)

    assert types(proposal) == ["string", "number", "string"]
    assert proposal.columns[1].decimal_char == ","


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    proposal = proposed(tmp_path, csv_text().encode(encoding))

    assert types(proposal) == EXPECTED
    assert proposal.columns[0].title == "Trip ID"
    assert proposal.columns[1].examples == ("Köln", "Aachen", "Zürich")


def test_compressed_content(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, gzip.compress(csv_text().encode()), "whatever.bin")

    assert (proposal.compression, types(proposal)) == ("gzip", EXPECTED)


def test_lines_above_and_below_the_table_are_notes(tmp_path: Path) -> None:
    text = "Report of May 2024\n\nPrinted by,me\n" + csv_text() + "\nEnd of the report\n"

    proposal = proposed(tmp_path, text)

    assert types(proposal) == EXPECTED
    assert proposal.rows == 4
    assert "What stands above the header was passed over: 2 lines" in proposal.notes[0]
    assert any("may be a footer" in note for note in proposal.notes)


def test_a_padded_title_above_the_header(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "Report of May,,,\n,,,\n" + csv_text())

    assert (types(proposal), proposal.columns[0].title) == (EXPECTED, "Trip ID")


def test_a_line_that_names_the_delimiter(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "sep=;\n" + csv_text(";"))

    assert (types(proposal), proposal.rows) == (EXPECTED, 4)


def test_no_header(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text().partition("\n")[2])

    assert proposal.dialect is not None
    assert not proposal.dialect.has_header
    assert proposal.rows == 4
    assert [each.name for each in proposal.columns] == ["column_1", "column_2", "column_3", "column_4"]
    assert types(proposal) == EXPECTED
    assert proposal.contract()["dialect"] == {"delimiter": ",", "header": False}


def test_texts_only_leave_open_whether_there_is_a_header(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "Berlin,Germany\nParis,France\nRome,Italy\nOslo,Norway\n")

    assert kinds(proposal) == ["header", "key"]


def test_texts_only_with_names_that_say_so(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "Country Name,Symbol\nGermany,DE\nFrance,FR\nItaly,IT\n")

    assert (kinds(proposal), proposal.rows) == ([], 3)


def test_several_header_rows_are_joined(tmp_path: Path) -> None:
    text = "Trip,Distance,,Fuel\nid,loaded,empty,used\nT1,12.5,3,4.5\nT2,7.25,1,2\nT3,8,2,9.25\n"

    proposal = proposed(tmp_path, text)

    assert [each.name for each in proposal.columns] == ["trip_id", "distance_loaded", "distance_empty", "fuel_used"]
    assert types(proposal) == ["string", "number", "integer", "number"]


def test_a_repeated_header_is_no_record(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text() + csv_text().replace("T-0", "T-1"))

    assert (proposal.rows, types(proposal)) == (8, EXPECTED)
    assert any("Rows that repeat the header: 1" in note for note in proposal.notes)


def test_ragged_rows_are_counted(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text() * 1 + "T-0005,Ulm,2024-05-04\n" + "".join(csv_text().splitlines(True)[1:]))

    assert (proposal.rows, proposal.bad_records) == (8, 1)
    assert any("the row has 3 fields, the header 4" in note for note in proposal.notes)


MEASURED = [("107.5", "2.25", "north"), ("104.25", "3.5", "south"), ("101", "4.75", "north")]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("end", ["", " ", '"\n"'])
def test_a_delimiter_at_the_end_of_rows_alone_moves_no_name(tmp_path: Path, count: int, end: str) -> None:
    rows = "".join(",".join([*row, end]) + "\n" for row in MEASURED[:count])

    proposal = proposed(tmp_path, f"angle,depth,side\n{rows}")

    assert [(each.name, each.examples[0]) for each in proposal.columns] == [
        ("angle", "107.5"), ("depth", "2.25"), ("side", "north"),
    ]  # fmt: skip
    assert "Rows end with a delimiter after the last column." in proposal.notes


@pytest.mark.parametrize(
    ("first", "is_asked"),
    [(["1", "2", "3"], False), (["0", "1", "2"], False), (["Mazda RX4", "Datsun 710", "Fiat 128"], False),
     (["12.5", "13", "14"], True), (["north", "north", "south"], True), (["3", "1", "2"], True),
     (["", "a", "b"], True)],
)  # fmt: skip
def test_which_column_has_no_name_is_a_question_unless_the_first_numbers_or_names_rows(
    tmp_path: Path, first: list[str], is_asked: bool
) -> None:
    rows = "".join(",".join([name, *row]) + "\n" for name, row in zip(first, MEASURED, strict=True))

    proposal = proposed(tmp_path, f"angle,depth,side\n{rows}")

    assert ("unnamed_column" in kinds(proposal)) == is_asked
    if is_asked:
        (asked,) = (each for each in proposal.questions if each.kind == "unnamed_column")
        assert asked.text.startswith("The header has 3 names and the rows have 4 cells: is it the first column")
        assert answered(proposal, {asked.id: "the first"}).refusals == ()
        assert "write it into the file" in answered(proposal, {asked.id: "the last"}).refusals[0]


def test_a_header_with_more_names_than_rows_have_cells_is_a_question(tmp_path: Path) -> None:
    rows = "".join(",".join(row) + "\n" for row in MEASURED * 3)

    proposal = proposed(tmp_path, f"angle,depth,side,approved,rejected\n{rows}")

    (asked,) = (each for each in proposal.questions if each.kind == "wide_header")
    assert "has 5 cells, `angle, depth, side, approved, rejected`, and the rows of the table have 3" in asked.text
    assert answered(proposal, {asked.id: "pass over"}).refusals == ()
    assert "more names than the rows have cells" in answered(proposal, {asked.id: "header"}).refusals[0]


QUESTION = (
    "How satisfied were you with the delivery, its time, the driver and the state of the parcels that you received? "
)


def test_long_titles_above_numbers_are_a_header(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, f'Sent,"{QUESTION * 2}"\n2024-05-01,4\n2024-05-02,5\n2024-05-03,2\n')

    assert proposal.dialect is not None and proposal.dialect.has_header
    assert types(proposal) == ["date", "integer"]
    assert "header" not in kinds(proposal)


@pytest.mark.parametrize("top", [f'Depot,"{QUESTION * 2}"', "Note,Note"])
def test_a_first_row_of_texts_above_texts_is_a_question_where_nothing_tells(tmp_path: Path, top: str) -> None:
    assert "header" in kinds(proposed(tmp_path, f"{top}\nAachen,well done\nKöln,too late\nBonn,broken box\n"))


def test_a_header_that_is_repeated_below_is_still_one(tmp_path: Path) -> None:
    table = "Depot, Driver\nAachen,Ada\nKöln,Bob\nBonn,Cleo\n"

    proposal = proposed(tmp_path, table + table.replace("Ada", "Dan").replace(", ", ","))

    assert proposal.dialect is not None and proposal.dialect.has_header


def test_a_second_table_is_a_question(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text() + "\ncode,name\nA,Aachen\nB,Berlin\n")

    assert "second_table" in kinds(proposal)


def test_a_total_in_the_last_row_is_a_question(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text() + "Total,,,151.5\n")

    assert "total" in kinds(proposal)


def test_trailing_delimiters(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text().replace("\n", ",\n"))

    assert types(proposal) == EXPECTED


def test_row_names_as_r_writes_them(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "town,km\n1,Köln,12.5\n2,Ulm,7.25\n3,Zug,1.5\n")

    assert [each.name for each in proposal.columns] == ["column_1", "town", "km"]


def test_one_question_for_the_decimal_character_of_all_columns(tmp_path: Path) -> None:
    text = "id,gross,net\nA1,1.234,5.678\nA2,2.345,6.789\nA3,3.456,7.891\n"

    (question,) = proposed(tmp_path, text).questions

    assert (question.kind, question.cells, question.columns) == ("decimal_character", 6, ("gross", "net"))


def test_other_columns_prove_a_decimal_point(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "id,gross,net\nA1,1.234,5.67\nA2,2.345,6.78\nA3,3.456,7.89\n")

    assert kinds(proposal) == []
    assert "other columns of the file prove it" in proposal.columns[1].evidence[-1]


def test_other_columns_with_a_decimal_comma_leave_a_point_open(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "id;gross;net\nA1;1.234;5,67\nA2;2.345;6,78\nA3;3.456;7,89\n")

    (question,) = proposal.questions
    assert (question.kind, question.suggestion) == ("decimal_character", "decimal comma")


def test_ambiguous_dates_are_a_question_with_a_suggestion(tmp_path: Path) -> None:
    text = "id,ordered,paid\nA1,01/02/2024,25/12/2023\nA2,03/04/2024,02/03/2024\nA3,05/06/2024,01/01/2024\n"

    questions = {each.kind: each for each in proposed(tmp_path, text).questions}

    assert questions["date_order"].text == "ordered: `01/02/2024`: day first or month first? 3 cells depend on it."
    assert questions["date_order"].suggestion == "dmy"
    assert questions["time_column"].answers == ("ordered", "paid")


def test_a_key_of_two_columns(tmp_path: Path) -> None:
    text = "shop,day,sales\nA,2024-01-01,5\nA,2024-01-02,7\nB,2024-01-01,5\nB,2024-01-02,9\n"

    proposal = proposed(tmp_path, text)
    assert proposal.key == ("shop", "day")
    dataset = contract_from_document(yaml.safe_load(contract_text(proposal)), "trips.yaml")
    assert dataset.key == ("shop", "day")


def test_no_key(tmp_path: Path) -> None:
    text = "town,sales\nA,5\nA,5\nB,7\nB,7\n"

    proposal = proposed(tmp_path, text)
    assert proposal.key == ()
    assert "the file and the number of a record identify it" in proposal.key_evidence
    text = contract_text(proposal)
    assert "Every record becomes a row of its own; records that are in two files are there twice." in text
    assert contract_from_document(yaml.safe_load(text), "trips.yaml").key == ()


def test_a_measure_is_no_key_by_chance(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, "town,population\nA,5000\nA,7001\nB,12\nB,9\n")

    assert proposal.key == ()
    assert [str(each.role) for each in proposal.columns] == ["dimension", "measure"]


def test_a_key_with_a_few_repeated_values_is_a_question(tmp_path: Path) -> None:
    rows = [f"S-{number:05},{number % 7}\n" for number in range(500)]

    proposal = proposed(tmp_path, "shipment_id,parcels\n" + "".join(rows) + rows[17])

    assert kinds(proposal) == ["key"]
    assert "1 of 501 repeat the value of another" in proposal.questions[0].text


# -- JSON ------------------------------------------------------------------------------------------------------------

RECORDS = [
    {"id": "A1", "at": "2024-05-01T10:00:00Z", "km": 12.5, "ok": True, "car": {"plate": "K-1", "axles": {"n": 2}}},
    {"id": "A2", "at": "2024-05-02T11:00:00Z", "km": 7, "ok": False, "car": {"plate": "K-2", "axles": {"n": 3}}},
]
FLAT = ["id", "at", "km", "ok", "car.plate", "car.axles"]


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (json.dumps(RECORDS), "json array"),
        (json.dumps(RECORDS, indent=2), "json array"),
        ("\n".join(map(json.dumps, RECORDS)), "ndjson"),
        (json.dumps({"count": 2, "data": {"items": RECORDS}}), "json array under data.items"),
        ("\n".join(json.dumps(each, indent=1) for each in RECORDS), "json objects"),
    ],
)
def test_json(tmp_path: Path, content: str, format: str) -> None:
    proposal = proposed(tmp_path, content, "trips.json")

    assert proposal.format == format
    assert [each.title for each in proposal.columns] == FLAT
    assert types(proposal) == ["string", "datetime", "number", "boolean", "string", "object"]
    assert [each.name for each in proposal.columns][-1] == "car_axles"


def test_texts_in_json_keep_their_zeros(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, json.dumps([{"zip": "01067", "n": 7}, {"zip": "50667", "n": 1e3}]), "z.json")

    assert types(proposal) == ["string", "number"]


def test_an_array_of_objects_is_a_dataset_of_its_own(tmp_path: Path) -> None:
    records = [{"id": 1, "lines": [{"sku": "a"}]}, {"id": 2, "lines": []}]

    proposal = proposed(tmp_path, json.dumps(records), "orders.json")

    assert types(proposal) == ["integer", "array"]
    assert "`lines` holds arrays of objects" in proposal.notes[0]


def test_several_arrays_are_a_question(tmp_path: Path) -> None:
    content = json.dumps({"cars": [{"id": 1}], "trips": [{"id": 1}, {"id": 2}]})

    proposal = proposed(tmp_path, content, "dump.json")

    assert kinds(proposal) == ["records"]
    assert proposal.questions[0].answers == ("trips", "cars")


# -- what cannot be read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"  \n\n", b"[]", b"[1, 2]", b"{", b'"', b"PK\x03\x04rest", b"id,name\n"])
def test_what_holds_no_records_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileError) as caught:
        proposed(tmp_path, content, "x")
    assert "Error" not in str(caught.value)


def test_line_ends_of_several_kinds_are_named() -> None:
    with pytest.raises(FileError, match="a line break outside of quotes differs from the other line ends"):
        split_rows("a,b\r1\n2,3\r", ",", "\r")


def test_too_many_columns(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(1501))

    with pytest.raises(FileError, match="1,501 columns; a dataset has at most 1,500"):
        proposed(tmp_path, f"{header}\n{header.replace('c', '')}\n")


# -- the contract ----------------------------------------------------------------------------------------------------


def test_the_contract_is_one_that_the_catalogue_reads(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, csv_text())

    text = contract_text(proposal)
    dataset = contract_from_document(yaml.safe_load(text), "trips.yaml")

    assert proposal.obstacles() == []
    assert dataset.name == "trips"
    assert [field.name for field in dataset.fields] == ["trip_id", "town", "trip_date", "distance_km"]
    assert dataset.field("distance_km").unit == "km"
    assert dataset.dating is not None
    assert dataset.dating.field == "trip_date"
    assert "# all 4 values are dates in ISO 8601" in text


@pytest.mark.parametrize("zone", ["", "Z", "+02:00"])
@pytest.mark.parametrize("title", ["Scanned at", "timestamp"])
def test_a_timestamp_dates_records_that_have_no_date(tmp_path: Path, zone: str, title: str) -> None:
    rows = "".join(f"S-{number},2024-05-{1 + number % 9:02}T08:{number:02}:11{zone}\n" for number in range(30))

    proposal = proposed(tmp_path, f"Scan ID,{title}\n{rows}", "scans.csv")

    assert proposal.obstacles() == []
    assert proposal.contract()["datedBy"] == {"field": proposal.columns[1].name}
    dataset = contract_from_document(proposal.contract(), "scans.yaml")
    assert (dataset.fields[1].required, dataset.fields[1].has_time_zone) == (True, zone != "")


def test_a_timestamp_that_is_not_in_every_record_dates_none(tmp_path: Path) -> None:
    rows = "".join(f"S-{number},{'' if number == 7 else f'2024-05-01T08:{number:02}:11Z'}\n" for number in range(30))

    assert "datedBy" not in proposed(tmp_path, f"Scan ID,Scanned at\n{rows}", "scans.csv").contract()


@pytest.mark.parametrize(
    ("amounts", "keys"),
    [
        (["5.25", "(7.5)", "12"], {"type": "number", "negativeParentheses": True}),
        (["5", "(7)", "12"], {"type": "integer", "negativeParentheses": True}),
        (["1.205,25", "(7.000,50)", "12"], {"type": "number", "negativeParentheses": True, "decimalChar": ","}),
    ],
)
def test_numbers_in_parentheses_are_negative_where_the_column_agrees(
    tmp_path: Path, amounts: list[str], keys: dict[str, object]
) -> None:
    rows = "".join(f"A-{number:02};{amounts[number % 3]}\n" for number in range(30))

    proposal = proposed(tmp_path, f"entry;result\n{rows}", "results.csv")

    assert (proposal.obstacles(), kinds(proposal)) == ([], [])
    field = proposal.contract()["schema"]["fields"][1]
    assert {name: field.get(name) for name in keys} == keys
    assert contract_from_document(proposal.contract(), "results.yaml").field("result").has_negative_parentheses


@pytest.mark.parametrize("amounts", [["-5.25", "(7.5)", "12"], ["(5.25)", "(7.5)", "(12)"]])
def test_parentheses_that_may_mean_something_else_are_a_question(tmp_path: Path, amounts: list[str]) -> None:
    rows = "".join(f"A-{number:02};{amounts[number % 3]}\n" for number in range(30))

    proposal = proposed(tmp_path, f"entry;result\n{rows}", "results.csv")

    assert kinds(proposal) == ["parentheses"]
    assert types(proposal) == ["string", "string"]


def test_what_keeps_files_from_being_loaded_is_named(tmp_path: Path) -> None:
    proposal = msgspec.structs.replace(proposed(tmp_path, "id,n\nA1,5\nA2,7\n"), is_name_taken=True)

    assert proposal.obstacles() == ["there is a dataset of this name already: choose another one"]
    assert "This version cannot load files by this contract" in contract_text(proposal)
    assert proposed(tmp_path, "id,n\nA1,5\nA2,7\n").obstacles() == []


@pytest.mark.parametrize("title", ["a: b # c", "*x", "&y", "!!python/object:os.system", "- z", "{q}", "'", "\x07", "y"])
def test_titles_cannot_break_the_yaml(tmp_path: Path, title: str) -> None:
    proposal = proposed(tmp_path, json.dumps([{title: "x", "n": 1}, {title: "z\n# t: [", "n": 2}]), "t.json")

    assert yaml.safe_load(contract_text(proposal)) == proposal.contract()


def test_the_dataset_is_named_after_the_file_or_the_option(tmp_path: Path) -> None:
    (tmp_path / "fuel").mkdir()

    assert proposed(tmp_path / "fuel", csv_text(), "2024-06.csv").dataset == "fuel"
    assert proposed(tmp_path, csv_text(), "Orders Export 2024-06.csv.gz").dataset == "orders_export"
    assert proposed(tmp_path, csv_text(), "events.csv").dataset == "events_data"
    assert proposed(tmp_path, csv_text(), "x.csv", "Tank Karten").dataset == "tank_karten"


# -- large files -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large_rows() -> list[str]:
    return [
        f'T{number:07},"Köln, {number % 90}",{number % 977}.5,2024-05-{number % 28 + 1:02}\n'
        for number in range(300_000)
    ]


def test_a_large_file_is_sampled(tmp_path: Path, large_rows: list[str]) -> None:
    proposal = proposed(tmp_path, "trip_id,town,km,day\n" + "".join(large_rows))

    assert not proposal.is_whole
    assert proposal.rows < 150_000
    assert types(proposal) == ["string", "string", "number", "date"]
    assert proposal.key == ("trip_id",)
    assert "that were read" in proposal.key_evidence
    assert proposal.bad_records == 0


def test_the_end_of_a_large_file_is_read(tmp_path: Path, large_rows: list[str]) -> None:
    proposal = proposed(tmp_path, "trip_id,town,km,day\n" + "".join(large_rows) + "T9999999,Ulm,007,2024-05-01\n")

    assert types(proposal)[2] == "string"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_a_large_file_in_another_encoding(tmp_path: Path, large_rows: list[str], encoding: str) -> None:
    proposal = proposed(tmp_path, ("trip_id,town,km,day\n" + "".join(large_rows)).encode(encoding))

    assert types(proposal) == ["string", "string", "number", "date"]
    assert proposal.columns[1].examples[0] == "Köln, 0"


def test_a_large_ndjson_file_is_sampled(tmp_path: Path) -> None:
    lines = "".join(f'{{"id": {number}, "name": "a name that is long enough {number}"}}\n' for number in range(200_000))

    proposal = proposed(tmp_path, lines, "names.ndjson")

    assert (types(proposal), proposal.is_whole, proposal.bad_records) == (["integer", "string"], False, 0)


def test_a_large_array_is_read_from_its_beginning(tmp_path: Path) -> None:
    array = json.dumps([{"id": number, "name": f"a name that is long enough {number}"} for number in range(200_000)])

    proposal = proposed(tmp_path, array, "names.json")

    assert (types(proposal), proposal.is_whole) == (["integer", "string"], False)


# -- more dialects and headers ---------------------------------------------------------------------------------------


def test_quotes_after_a_backslash(tmp_path: Path) -> None:
    rows = "".join(f'{number},"say \\"hi\\" {number}",{number}.5\n' for number in range(9))

    proposal = proposed(tmp_path, f"id,text,km\n{rows}")

    assert (types(proposal), proposal.rows) == (["integer", "string", "number"], 9)
    assert proposal.columns[1].examples[0] == 'say "hi" 0'
    assert proposal.contract()["dialect"] == {"delimiter": ",", "escapeChar": "\\"}


def test_blanks_between_delimiters_and_quotes(tmp_path: Path) -> None:
    proposal = proposed(tmp_path, 'id, "note, long", km\n1, "x, y", 2.5\n2, "z, w", 3.5\n')

    assert [each.title for each in proposal.columns] == ["id", "note, long", "km"]
    assert types(proposal) == ["integer", "string", "number"]


def test_line_ends_within_quotes(tmp_path: Path) -> None:
    rows = "".join(f'{number},"line one, {number}\nline ""two"" {number}",{number}.5\n' for number in range(500))

    proposal = proposed(tmp_path, f"id,text,km\n{rows}")

    assert (types(proposal), proposal.rows, proposal.bad_records) == (["integer", "string", "number"], 500, 0)


@pytest.mark.parametrize("periods", ["1960,1961,1962", "2024-01,2024-02,2024-03", "2024-01-31,2024-02-29,2024-03-31"])
def test_years_months_and_days_as_titles(tmp_path: Path, periods: str) -> None:
    proposal = proposed(tmp_path, f"region,{periods}\nA,5,6,7\nB,7,8,9\n")

    assert types(proposal) == ["string", "integer", "integer", "integer"]
    assert proposal.columns[1].name.startswith("column_")


def test_an_encoding_that_nothing_tells_is_a_question(tmp_path: Path) -> None:
    text = "Дата;Сумма;Город\n31.01.2024;1234,50;Москва\n01.02.2024;17,25;Тверь\n"

    proposal = proposed(tmp_path, text.encode("cp1251"))

    assert kinds(proposal)[0] == "encoding"
    assert "3 lines depend on it" in proposal.questions[0].text


def test_rows_that_are_all_unreadable_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no good record"):
        proposed(tmp_path, 'id,km\n1,"2" 3\n2,"3" 4\n')


def test_a_date_as_key_is_a_question_however_many_records_there_are(tmp_path: Path) -> None:
    few = "".join(f"2024-01-{day:02},5\n" for day in range(1, 8))
    many = "".join(f"2024-{month:02}-{day:02},5\n" for month in range(1, 6) for day in range(1, 28))

    assert kinds(proposed(tmp_path, f"day,sales\n{few}")) == ["key"]
    assert kinds(proposed(tmp_path, f"day,sales\n{many}")) == ["key"]


def test_columns_by_other_names_have_them_as_aliases(tmp_path: Path) -> None:
    in_csv = proposed(tmp_path, "id,Größe,Weight (kg)\nA1,x,2.5\nA2,y,3.5\n")
    in_json = proposed(tmp_path, json.dumps([{"id": "A1", "Size": "x"}, {"id": "A2", "Size": "y"}]), "s.json")

    assert in_csv.obstacles() == []
    fields = in_csv.contract()["schema"]["fields"]
    assert [each.get("aliases") for each in fields] == [None, ["Größe"], ["Weight (kg)"]]
    assert in_json.obstacles() == []
    assert [each.get("aliases") for each in in_json.contract()["schema"]["fields"]] == [None, ["Size"]]


def test_what_a_load_refuses_of_texts_is_evidence(tmp_path: Path) -> None:
    records = [{"id": "A1", "note": "x" * 300, "ref": 5}, {"id": "A2", "note": "y", "ref": "B"}]

    columns = proposed(tmp_path, json.dumps(records), "s.json").columns

    assert "texts of up to 300 characters: a load rejects those of more than 255" in columns[1].evidence
    assert "some values are JSON texts, others are not: a load takes texts alone" in columns[2].evidence


def test_words_for_nothing_are_added_to_the_usual_ones(tmp_path: Path) -> None:
    text = "id,km,fuel\nA1,5.5,NA\nA2,k.A.,2.5\nA3,7.5,3.5\n"

    fields = proposed(tmp_path, text).contract()["schema"]["fields"]

    assert fields[1]["missingValues"] == ["", "-", "N/A", "NA", "NULL", "\\N", "k.A."]
    assert "missingValues" not in fields[2]


def test_a_large_file_with_line_ends_within_quotes(tmp_path: Path) -> None:
    rows = (
        f'{number},"first line, {number}\nsecond, ""quoted"", line",{number}.5,2024-01-{number % 28 + 1:02}\n'
        for number in range(200_000)
    )

    proposal = proposed(tmp_path, "id,comment,km,day\n" + "".join(rows))

    assert (types(proposal), proposal.bad_records) == (["integer", "string", "number", "date"], 0)
    assert proposal.notes == ()
    assert proposal.rows > 60_000


def test_a_large_array_within_objects(tmp_path: Path) -> None:
    trips = [{"id": number, "km": number / 7, "car": {"plate": "K"}, "stops": [{"n": 1}]} for number in range(150_000)]

    proposal = proposed(tmp_path, json.dumps({"meta": {"tags": ["a"], "x": {}}, "result": {"trips": trips}}), "t.json")

    assert proposal.format == "json array under result.trips"
    assert [each.title for each in proposal.columns] == ["id", "km", "car.plate", "stops"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n" + "x" * 9_000_000, "The first row is longer than"),
        ('id,name\n1,"never closed\n' + "2,x\n" * 9, r"A quote is opened and never closed \(at record 1, byte 8\)"),
    ],
)
def test_rows_without_end(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        proposed(tmp_path, content)


_SNIPPETS = [
    "{", "}", "[", "]", ",", ":", '"', "'", "\\", "\n", "\r\n", "\r", " ", ";", "\t", "|", "\0", "\x0c", "\ufeff", "é",
    "id", "name", "12.5", "1,5", "007", "2024-01-31", "01/02/2024", "10:00", "NA", "-", "null", "true", "1e999",
    "9" * 400,
    '{"id":1}', '{"id":"a","n":{"m":[{"k":1}]}}', "id,name\n", "1,2\n", '1,"2\n', "sep=;\n", "[" * 70, "\x1f", "€", "%",
    "(5)", "$", "24:00:00", "99/99/99", "20240131", "1.2.3", "\U0001f600",
]  # fmt: skip
_CLASS = re.compile(
    r"<class|decimal\.|msgspec|ijson|InvalidOperation|\b\w+(Error|Exception)\b|Traceback|b'|b\"|Decimal\("
)


@given(parts=st.lists(st.sampled_from(_SNIPPETS), max_size=40), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_proposed_or_refused_with_a_sentence(tmp_path: Path, parts: list[str], encoding: str) -> None:
    try:
        proposal = proposed(tmp_path, "".join(parts).encode(encoding, "replace"), "any.txt")
    except FileError as error:
        assert not _CLASS.search(str(error))
    else:
        assert yaml.safe_load(contract_text(proposal)) == proposal.contract()
        assert not any(_CLASS.search(text) for text in [*proposal.obstacles(), *proposal.notes])


@given(content=st.binary(max_size=200))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_proposed_or_refused(tmp_path: Path, content: bytes) -> None:
    with suppress(FileError):
        contract_text(proposed(tmp_path, content, "any.bin"))
