"""CSV files that only their contract tells how to read: dialects, encodings, aliases, columns by position."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.table_dialect import DialectKeys, read_dialect
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import open_source
from logistics_pipeline.loading.formats.reader import detect_format
from logistics_pipeline.loading.layouts import Unreadable, layout_from_json, layout_to_json
from logistics_pipeline.loading.rejects.reread import read_again
from tests.datasets import DATASETS, VEHICLES

ALIASES = {"vehicle_id": ("Fahrzeug-Nr.", "Vehicle"), "name": ("Bezeichnung (kurz)", "column_2")}
ALIASED = replace(
    VEHICLES, fields=tuple(replace(field, aliases=ALIASES.get(field.name, ())) for field in VEHICLES.fields)
)


def by(dataset: Dataset = VEHICLES, encoding: str | None = None, **keys: Any) -> Dataset:
    """The dataset whose contract has a dialect."""
    return replace(dataset, encoding=encoding, dialect=read_dialect(DialectKeys(**keys)))


def records(outcome: Any) -> list[dict[str, object]]:
    assert outcome.error is None, outcome.error
    return list(outcome.values)


def notes_of(content: bytes, dataset: Dataset, tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    return detect_format(path, dataset, DATASETS, 1 << 20).notes


@pytest.mark.parametrize("delimiter", ["^", "~", "\x1f", "\u00a7", ":"])
def test_a_delimiter_that_only_the_contract_tells(read_content: Any, delimiter: str) -> None:
    content = delimiter.join(["vehicle_id", "name"]) + "\n" + delimiter.join(["1", f'"a{delimiter}b"']) + "\n"

    found = records(read_content(content.encode(), by(delimiter=delimiter)))

    assert found == [{"vehicle_id": "1", "name": f"a{delimiter}b"}]


@pytest.mark.parametrize(
    ("keys", "row", "name"),
    [
        ({"quote_char": "'"}, "1,'a, ''b'' \"c\"'", "a, 'b' \"c\""),
        ({"escape_char": "\\"}, '1,"a \\"b\\", c"', 'a "b", c'),
        ({"escape_char": "\\"}, "1,a\\, b", "a, b"),
        ({"escape_char": "\\"}, "1,C:\\temp", "C:\\temp"),
        ({"escape_char": "\\"}, "1,a\\\\", "a\\"),
        ({"escape_char": "\\"}, "1,a\\\nb", "a\nb"),
        ({"escape_char": "\\", "double_quote": False}, '1,"a\\"b"', 'a"b'),
        ({"skip_initial_space": True}, '1, "a, b"', "a, b"),
        ({"skip_initial_space": True}, "1,  plain", "plain"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("block_bytes", [3, 1000])
def test_quotes_and_escapes_of_the_contract(
    read_content: Any, keys: dict[str, Any], row: str, name: str, newline: str, block_bytes: int
) -> None:
    content = newline.join(["vehicle_id,name", row, "2,x", ""]).encode()

    outcome = read_content(content, by(**keys), block_bytes=block_bytes)

    assert records(outcome) == [{"vehicle_id": "1", "name": name}, {"vehicle_id": "2", "name": "x"}]
    assert outcome.records[0].raw == row.encode()


def test_a_row_is_read_again_by_the_layout_in_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"vehicle_id^name\n1^'a''^b'\n")
    layout = detect_format(path, by(delimiter="^", quote_char="'", comment_char="#"), DATASETS, 1 << 20).layout

    stored = layout_from_json(layout_to_json(layout))

    assert stored is not None
    assert read_again(b"1^'a''^b'", stored) == {"vehicle_id": "1", "name": "a'^b"}


def test_comments_are_no_rows_and_keep_the_numbers_of_records(read_content: Any) -> None:
    content = b'# made by x\nvehicle_id,name\n1,a\n# half, of it\n2,#b\n"#3",c\n#end'
    for block_bytes in (2, 1000):
        outcome = read_content(content, by(comment_char="#"), block_bytes=block_bytes)

        assert [each["vehicle_id"] for each in records(outcome)] == ["1", "2", "#3"]
        assert [each.raw for each in outcome.records] == [b"1,a", b"2,#b", b'"#3",c']


def test_rows_of_comments_by_their_numbers(read_content: Any) -> None:
    content = b"vehicle_id,name\ntext,text\n\n1,a\n"

    assert len(records(read_content(content, by(comment_rows=[2])))) == 1
    assert len(records(read_content(content, by()))) == 2


def test_several_header_rows_are_joined(read_content: Any, tmp_path: Path) -> None:
    titles = {"vehicle_id": ("Vehicle No.",), "name": ("Vehicle Name",)}
    dataset = replace(
        VEHICLES, fields=tuple(replace(each, aliases=titles.get(each.name, ())) for each in VEHICLES.fields)
    )
    table = b"Vehicle,\nNo.,Name\n1,a\n"
    for content in (b"Export\n" + table, b"Export\nof today\n\n" + table, table):
        found = records(read_content(content, by(dataset, header_rows=[2, 3])))

        assert found == [{"vehicle_id": "1", "name": "a"}]
    moved = notes_of(table, by(dataset, header_rows=[2, 3]), tmp_path)
    assert "The header is in row 2; the contract says row 3." in moved


def test_a_file_without_a_header_has_the_fields_in_their_order(read_content: Any, tmp_path: Path) -> None:
    dataset = by(header=False)
    assert records(read_content(b"1,a,5\n2,b,6\n", dataset)) == [
        {"vehicle_id": "1", "name": "a", "total_mileage": "5"},
        {"vehicle_id": "2", "name": "b", "total_mileage": "6"},
    ]
    assert records(read_content(b"1;a;5\n", by(header=False, delimiter=",")))[0]["name"] == "a"
    with_header = b"vehicle_id,name\n1,a\n"
    assert len(records(read_content(with_header, dataset))) == 1
    assert "The file has a header; the contract says that files have none." in notes_of(with_header, dataset, tmp_path)


def test_a_file_without_a_header_of_another_width_fails(read_content: Any) -> None:
    outcome = read_content(b"1,a\n2,b\n", by(header=False))

    assert "the contract of vehicles says 3, the rows have 2 with commas" in outcome.error.message


def test_columns_are_found_by_alias_in_any_spelling(read_content: Any) -> None:
    for header in (b"Fahrzeug-Nr.,Bezeichnung (kurz)", b"VEHICLE,bezeichnung(KURZ)", b"vehicle_id,", b"Vehicle,Name"):
        found = records(read_content(header + b"\n1,a\n", ALIASED))

        assert found == [{"vehicle_id": "1", "name": "a"}]


def test_two_columns_of_one_field_fail_the_file(read_content: Any) -> None:
    outcome = read_content(b"Fahrzeug-Nr.,Vehicle\n1,2\n", ALIASED)

    assert "The columns `Fahrzeug-Nr.` and `Vehicle` both read as vehicle_id" in outcome.error.message


def test_a_row_that_repeats_the_titles_is_no_record(read_content: Any) -> None:
    outcome = read_content(b"Fahrzeug-Nr.,Bezeichnung (kurz)\n1,a\nFahrzeug-Nr.,Bezeichnung (kurz)\n", ALIASED)

    assert [isinstance(value, Unreadable) for value in outcome.values] == [False, True]


def test_what_a_file_proves_counts_more_than_the_contract(read_content: Any, tmp_path: Path) -> None:
    dataset = by(delimiter=";", quote_char="'")
    content = b'vehicle_id,name\n1,"a, b"\n'

    assert records(read_content(content, dataset)) == [{"vehicle_id": "1", "name": "a, b"}]
    assert notes_of(content, dataset, tmp_path) == (
        "The file is separated by commas; the contract says semicolons.",
        "The file has \" as quotes; the contract says '.",
    )


# -- encodings -------------------------------------------------------------------------------------------------------


def read_file(path: Path, encoding: str | None) -> tuple[str, str | None]:
    with open_source(path, declared=encoding) as source:
        text = b"".join(iter(source.read, b""))
        return text.decode("utf-8", "surrogateescape"), source.note


@pytest.mark.parametrize(
    "codec", ["cp1250", "iso8859-2", "koi8-r", "cp850", "shift_jis", "gbk", "big5", "euc_kr", "cp1252"]
)
def test_a_file_is_in_the_encoding_of_its_contract(tmp_path: Path, codec: str) -> None:
    words = {"koi8-r": "Москва", "shift_jis": "東京都", "gbk": "北京市", "big5": "臺北市", "euc_kr": "서울시"}
    text = f"name\n{words.get(codec, 'Köln é')}\n" * 50
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode(codec))

    assert read_file(path, codec) == (text, f"Encoding {codec.upper()}, as the contract says.")


def test_utf8_and_utf16_prove_themselves_against_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    for codec, said in (("utf-8", "Encoding UTF-8; the contract says CP1250."), ("utf-16", "Encoding UTF-16-LE, with")):
        path.write_bytes("name\nKöln\n".encode(codec))
        text, note = read_file(path, "cp1250")
        assert text == "name\nKöln\n"
        assert str(note).startswith(said)
    path.write_bytes(b"name\nplain\n")
    assert read_file(path, "cp1250") == ("name\nplain\n", None)


def test_a_text_with_few_ascii_characters_is_utf16_if_the_contract_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(("\u6771\u4eac\u90fd" * 20 + "\n").encode("utf-16-be"))

    assert read_file(path, "utf-16-be") == (
        "\u6771\u4eac\u90fd" * 20 + "\n",
        "Encoding UTF-16-BE, as the contract says.",
    )


def test_a_file_half_in_utf8_and_half_in_the_contract_s_encoding_fails(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("Köln\n".encode() * 3 + "Łódź\n".encode("cp1250") * 3)

    with pytest.raises(FileError, match="It cannot be told whether the file is in UTF-8 or in CP1250"):
        read_file(path, "cp1250")


def test_a_few_broken_records_leave_a_file_in_utf8(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("Köln\n".encode() * 30 + b"K\xf6ln\n")

    text, note = read_file(path, "cp1250")

    assert text.endswith("K\udcf6ln\n")
    assert str(note).endswith("Records with bytes that are not UTF-8 are rejected.")


def test_bytes_that_stand_for_nothing_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"\xc4\xcd\n" * 20 + b"a\x81b\n")

    assert read_file(path, "cp1250")[0].endswith("a\udc81b\n")


def test_a_contract_of_utf8_leaves_other_files_as_they_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b"Caf\xe9 Z\xfcrich\n")

    assert read_file(path, "utf-8") == read_file(path, None)
    assert read_file(path, None)[0] == "Café Zürich\n"
