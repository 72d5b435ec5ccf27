"""CSV files as people have them, from the raw folder into the tables: rows, rejects, notes, and loads that resume."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.options import BatchLimits, LoadOptions
from logistics_pipeline.loading.rejects.failed_files import export_paths
from tests.database.conftest import FolderUnderTest, Interrupted

HEADER = "Vehicle ID;Name;Total Mileage\n"
NAMES = ["Köln", "Zürich", "Señor", "A–B", "Łódź"]


def _vehicles(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT vehicle_id, name FROM raw.vehicles ORDER BY record_no").fetchall()


def test_a_file_from_a_spreadsheet_is_loaded_and_its_notes_say_how(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    content = "sep=;\r\nFleet report;;\r\n\r\n" + HEADER + "V1;Köln;12\r\n;;\r\nV2;Zürich;13\r\n"

    report = raw_folder.drop_and_load("vehicles.csv", content.encode("cp1252"))

    assert report.is_loaded and report.file.is_balanced
    assert _vehicles(connection) == [("V1", "Köln"), ("V2", "Zürich")]
    notes = "\n".join(report.file.notes)
    for part in ("Windows-1252", "sep=;", "`Fleet report, , `", "`Vehicle ID` read as vehicle_id", "without any value"):
        assert part in notes


def test_files_joined_together_lose_nothing_and_gain_nothing(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    one = "\ufeffvehicle_id,name\nV1,a\n"
    content = (one + one.replace("V1", "V2") + one.replace("V1", "V3")).encode()

    report = raw_folder.drop_and_load("vehicles.csv", content)

    assert _vehicles(connection) == [("V1", "a"), ("V2", "a"), ("V3", "a")]
    assert (report.file.records_read, report.file.records_rejected) == (5, 2)
    assert {reject.reason for reject in ledger.rejects(connection)} == {"the row repeats the header"}
    assert "byte order mark" in report.file.notes[0]


def test_a_row_in_doubt_is_kept_whole_and_loads_once_corrected(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    content = b'vehicle_id,x,name,y\nv0,1,Car,z\nv1,9"Table, Round",z\nv2,1,Van,z\n'

    report = raw_folder.drop_and_load("vehicles.csv", content)

    (reject,) = ledger.rejects(connection)
    assert (reject.record_no, reject.raw) == (2, b'v1,9"Table, Round",z')
    assert content[reject.byte_offset :].startswith(reject.raw)
    exported, _ = export_paths(report.file.path, raw_folder.options.failed_dir)
    corrected = exported.read_bytes().replace(b'9"Table, Round",z', b'1,"9""Table, Round",z')
    raw_folder.drop_and_load("vehicles-corrected.csv", corrected)
    assert ("v1", '9"Table, Round') in _vehicles(connection)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("codec", ["utf-16", "cp1252"])
@pytest.mark.parametrize("has_late_accents", [True, False])
def test_a_load_of_another_encoding_resumes_at_the_same_record(
    raw_folder: FolderUnderTest,
    connection: Connection,
    codec: str,
    pack: Callable[[bytes], bytes],
    has_late_accents: bool,
) -> None:
    names = ["plain"] * 40 + NAMES[:4] * 10 if has_late_accents else NAMES[:4] * 20
    rows = [f"V{number:03};{name};{number}\n" for number, name in enumerate(names)]
    found = raw_folder.drop("vehicles.csv", pack((HEADER + "".join(rows)).encode(codec)))

    def interrupt(records: int, size: int) -> None:
        if records > 50:
            raise Interrupted

    changes: dict[str, Any] = {"batch": BatchLimits(7, 1 << 20), "chunk_bytes": 1}
    with pytest.raises(Interrupted):
        raw_folder.load(found, on_progress=interrupt, **changes)
    before = ledger.file_by_id(connection, 1).records_read
    report = raw_folder.load(found, **changes)

    assert 0 < before < len(names)
    assert (report.file.records_read, report.file.records_loaded) == (len(names), len(names))
    assert [name for _, name in _vehicles(connection)] == names
    assert any("Encoding" in note for note in report.file.notes)


def test_a_reject_of_another_encoding_is_kept_in_utf8_and_can_be_replayed(
    raw_folder: FolderUnderTest, options: LoadOptions, connection: Connection, tmp_path: Path
) -> None:
    content = "vehicle_id;name;total_mileage\nV1;Köln;-1\nV2;Zürich;2\n"

    raw_folder.drop_and_load("vehicles.csv", content.encode("utf-16"))

    (reject,) = ledger.rejects(connection)
    assert reject.raw == "V1;Köln;-1".encode()
    assert content.encode()[reject.byte_offset :].startswith(reject.raw)


def test_a_file_without_a_header_of_ours_says_what_is_nearest(raw_folder: FolderUnderTest) -> None:
    report = raw_folder.drop_and_load("vehicles.csv", b"vehicle_no,title\n1,x\n")

    assert not report.is_loaded
    assert "must name vehicle_id" in str(report.file.error)
    assert "(`vehicle_no`?)" in str(report.file.error)


def test_a_file_of_blank_rows_only_is_a_file_without_records(raw_folder: FolderUnderTest) -> None:
    report = raw_folder.drop_and_load("vehicles.csv", b"vehicle_id,name\n,\n,\n")

    assert report.is_loaded
    assert report.file.records_read == 0
