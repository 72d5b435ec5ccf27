"""The rejects of a file lie in the failed folder in the form it came in: mended and dropped again, they are loaded."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger.rejects import page_by_page
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.rejects import failed_files
from logistics_pipeline.loading.rejects.failed_files import export_paths
from tests.database.conftest import FolderUnderTest, Interrupted
from tests.database.records import LAYOUTS, as_array, as_csv, as_lines, vehicle

RECORDS = [vehicle(number, total_mileage=-1 if number % 4 == 1 else number) for number in range(10)]
BAD = [RECORDS[1], RECORDS[5], RECORDS[9]]


@pytest.fixture
def failed_dir(raw_folder: FolderUnderTest) -> Path:
    return raw_folder.options.failed_dir


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def mend(exported: bytes) -> bytes:
    return exported.replace(b"-1", b"1")


@pytest.mark.parametrize(
    ("name", "content", "exported_as", "expected"),
    [
        ("vehicles.json", as_array(RECORDS), "vehicles.rejected.json", as_array(BAD)),
        ("vehicles.ndjson", as_lines(RECORDS), "vehicles.rejected.ndjson", as_lines(BAD)),
        ("vehicles.csv", as_csv(RECORDS), "vehicles.rejected.csv", None),
        ("vehicles.json.gz", gzip.compress(as_array(RECORDS)), "vehicles.gz.rejected.json", as_array(BAD)),
        ("vehicles/a b,ü/1", as_lines(RECORDS), "vehicles/a b,ü/vehicles.rejected.1.records", as_lines(BAD)),
    ],
)
def test_rejects_are_exported_in_the_form_of_the_input_and_loaded_once_mended(
    name: str,
    content: bytes,
    exported_as: str,
    expected: bytes | None,
    raw_folder: FolderUnderTest,
    failed_dir: Path,
    connection: Connection,
) -> None:
    raw_folder.drop_and_load(name, content)

    assert files_in(failed_dir) == {exported_as, f"{exported_as}.reasons.csv"}
    exported = (failed_dir / exported_as).read_bytes()
    if expected is None:
        assert list(csv.DictReader(exported.decode().splitlines())) == [{k: str(v) for k, v in r.items()} for r in BAD]
    else:
        assert exported == expected
    mended = raw_folder.drop_and_load(exported_as, mend(exported))
    assert (mended.file.dataset, mended.file.state, mended.file.records_loaded) == ("vehicles", "loaded", 3)
    assert connection.execute("SELECT count(*) FROM raw.vehicles").fetchone() == (10,)


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_exported_can_be_read_as_the_same_rejects_again(
    name: str, raw_folder: FolderUnderTest, failed_dir: Path, connection: Connection
) -> None:
    records = [{**record, "shipment_id": f"s{number}"} for number, record in enumerate(_shipments())]
    first = raw_folder.drop_and_load(name, LAYOUTS[name](records))
    exported = next(path for path in failed_dir.iterdir() if not path.name.endswith(".reasons.csv"))

    again = raw_folder.drop_and_load(exported.name, exported.read_bytes())

    assert first.file.records_rejected == 4
    assert (again.file.state, again.file.records_read, again.file.records_rejected) == ("failed", 4, 4)
    raw = [[reject.raw for reject in ledger.rejects(connection, file_id=number)] for number in (1, 2)]
    assert raw[0] == raw[1]


def _shipments() -> list[dict[str, object]]:
    texts = ["plain", "with, comma", 'with "quotes"', "with\nline break", "with\ttab", "ümlaut", "one\\two", "last"]
    return [
        {"origin": text, "destination": text, "weight": number % 2, "log_id": "l1"} for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("name", ["vehicles/2024/06/part-1.json", "vehicles/x/y.csv.gz", "Vehicles 2024/rejected.json"])
def test_an_export_keeps_its_dataset_wherever_it_is_dropped(
    name: str, raw_folder: FolderUnderTest, failed_dir: Path
) -> None:
    records: bytes | list[object] = [{"vehicle_id": f"v{number}", "total_mileage": number - 1} for number in range(3)]
    if ".csv" in name:
        records = gzip.compress(b"vehicle_id,total_mileage\nv0,-1\nv1,0\nv2,1\n")
    raw_folder.drop_and_load(name, records)
    (exported,) = (path for path in failed_dir.rglob("*") if path.is_file() and not path.name.endswith(".reasons.csv"))

    again = raw_folder.drop_and_load(exported.name, exported.read_bytes().replace(b"-1", b"7"))

    assert (again.file.dataset, again.file.state, again.file.records_loaded) == ("vehicles", "loaded", 1)


def test_exports_with_and_without_a_dataset_in_their_names_never_share_one(failed_dir: Path) -> None:
    keys = [("part.json", "vehicles"), ("vehicles.rejected.part.json", None), ("part.rejected.json", "vehicles")]
    keys += [("vehicles.rejected.part.records.json", None), ("part.json.gz", "vehicles")]

    paths = {path for key, dataset in keys for path in export_paths(key, failed_dir, dataset)}

    assert len(paths) == 2 * len(keys)
    assert len(export_paths("x" * 250 + ".json", failed_dir, "vehicles")[1].name) <= 255 - len(".tmp")


def test_the_reasons_lie_beside_the_rejects(raw_folder: FolderUnderTest, failed_dir: Path) -> None:
    raw_folder.drop_and_load("vehicles.json", RECORDS)

    with (failed_dir / "vehicles.rejected.json.reasons.csv").open(newline="") as file:
        reasons = list(csv.DictReader(file))
    assert [(row["record_no"], row["field"]) for row in reasons] == [(str(n), "total_mileage") for n in (2, 6, 10)]
    assert all(row["byte_offset"].isdigit() and "at least 0" in row["reason"] for row in reasons)


def test_an_export_is_the_same_whatever_fits_in_memory(
    raw_folder: FolderUnderTest, connection: Connection, failed_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tricky = [vehicle(number, total_mileage=f'"{number}",\n') for number in range(4)]
    report = raw_folder.drop_and_load("vehicles.ndjson", as_lines([*RECORDS, "no record", *tricky]))
    names = ("vehicles.rejected.ndjson", "vehicles.rejected.ndjson.reasons.csv")
    at_once = [(failed_dir / name).read_bytes() for name in names]
    with (failed_dir / names[1]).open(newline="") as file:
        reasons = list(csv.DictReader(file))
    assert [(row["record_no"], row["field"]) for row in reasons[3:5]] == [("11", ""), ("12", "total_mileage")]
    assert reasons[4]["reason"].count('"0",') == 1

    for name, limit in (("_PAGE_RECORDS", 2), ("_PAGE_BYTES", 1)):
        monkeypatch.setattr(failed_files, name, limit)
        layout = layout_from_json(report.file.layout)
        failed_files.export_rejects(connection, report.file, layout, failed_dir, raw_folder.options.catalogue)
        assert [(failed_dir / name).read_bytes() for name in names] == at_once


def test_files_that_differ_only_in_their_ending_do_not_share_an_export(failed_dir: Path) -> None:
    keys = ["vehicles.json", "vehicles.csv", "vehicles.json.gz", "vehicles.json.zst", "vehicles", "vehicles.gz"]
    keys += ["vehicles/part.1", "vehicles/part.2", "vehicles/part"]

    paths = [path for key in keys for path in export_paths(key, failed_dir)]

    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(failed_dir) for path in paths)


@pytest.mark.parametrize("name", ["vehicles-" + "x" * 240 + ".json", "vehicles-" + "ü" * 118 + ".csv.gz"])
def test_the_longest_names_there_are_have_exports_too(raw_folder: FolderUnderTest, failed_dir: Path, name: str) -> None:
    good = raw_folder.drop_and_load(name, b"vehicle_id\nV1\n" if ".csv" in name else [vehicle(1)])
    bad = raw_folder.drop_and_load(name, b"vehicle_id,name\n,x\n" if ".csv" in name else RECORDS)

    assert good.file.warning is None and "could not be written" not in (bad.file.warning or "")
    assert len(files_in(failed_dir)) == 2
    other = name.replace("x.", "y.").replace("ü.", "ä.")
    assert not set(export_paths(name, failed_dir)) & set(export_paths(other, failed_dir))


def test_a_new_version_without_rejects_removes_the_export(raw_folder: FolderUnderTest, failed_dir: Path) -> None:
    raw_folder.drop_and_load("vehicles.json", RECORDS)
    raw_folder.drop_and_load("vehicles.json", [vehicle(1)])

    assert files_in(failed_dir) == set()


def test_a_new_version_with_other_rejects_replaces_the_export(raw_folder: FolderUnderTest, failed_dir: Path) -> None:
    raw_folder.drop_and_load("vehicles.json", RECORDS)
    raw_folder.drop_and_load("vehicles.json", [vehicle(77, total_mileage=-7)])

    exported = json.loads((failed_dir / "vehicles.rejected.json").read_bytes())
    assert [record["vehicle_id"] for record in exported] == ["v77"]


def test_a_failed_file_exports_the_rejects_before_its_error(raw_folder: FolderUnderTest, failed_dir: Path) -> None:
    report = raw_folder.drop_and_load("vehicles.json", as_array(RECORDS)[:-10])

    assert (report.file.state, report.file.records_rejected) == ("failed", 2)
    assert len(json.loads((failed_dir / "vehicles.rejected.json").read_bytes())) == 2


def test_a_load_that_was_interrupted_exports_all_its_rejects(raw_folder: FolderUnderTest, failed_dir: Path) -> None:
    found = raw_folder.drop("vehicles.json", RECORDS)

    def stop(records: int, size: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        raw_folder.load(found, on_progress=stop)
    raw_folder.load(found)

    assert (failed_dir / "vehicles.rejected.json").read_bytes() == as_array(BAD)


def test_a_load_that_dies_while_it_exports_exports_the_next_time(
    raw_folder: FolderUnderTest, failed_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = raw_folder.drop("vehicles.json", RECORDS)

    def die(*_: object) -> bytes:
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(failed_files, "_frame", die)
        with pytest.raises(Interrupted):
            raw_folder.load(found)
    assert files_in(failed_dir) == set()
    report = raw_folder.load(found)

    assert (report.is_loaded, report.was_loaded_before) == (True, False)
    assert (failed_dir / "vehicles.rejected.json").read_bytes() == as_array(BAD)


def test_a_failed_folder_that_cannot_be_written_is_a_warning_and_the_load_is_fine(
    raw_folder: FolderUnderTest, failed_dir: Path, connection: Connection
) -> None:
    failed_dir.write_text("a file where the folder should be")

    report = raw_folder.drop_and_load("vehicles.json", RECORDS)

    assert (report.file.state, report.file.records_loaded, report.file.records_rejected) == ("loaded", 7, 3)
    assert "logistics rejects" in str(report.file.warning)
    assert str(failed_dir) in str(report.file.warning)
    assert [reject.record_no for reject in ledger.rejects(connection)] == [2, 6, 10]


def test_a_full_disk_is_a_warning_and_leaves_nothing_half_written(
    raw_folder: FolderUnderTest, failed_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> tuple[bytes, bytes, bytes]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(failed_files, "_frame", full)
    report = raw_folder.drop_and_load("vehicles.json", RECORDS)

    assert report.is_loaded
    assert "No space left" in str(report.file.warning)
    assert files_in(failed_dir) == set()


def test_files_from_elsewhere_export_under_their_whole_path(
    raw_folder: FolderUnderTest, failed_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere" / "vehicles.json"
    path.parent.mkdir()
    path.write_bytes(as_array(RECORDS))
    found = raw_folder.options.folder.look_at(path)
    assert found is not None

    raw_folder.load(found)

    assert files_in(failed_dir) == {
        f"{str(path.parent)[1:]}/vehicles.rejected.json",
        f"{str(path.parent)[1:]}/vehicles.rejected.json.reasons.csv",
    }


def test_a_page_of_rejects_reads_no_others(raw_folder: FolderUnderTest, connection: Connection) -> None:
    """Whatever PostgreSQL believes about their number: it has counted nothing yet."""
    file = raw_folder.drop_and_load("vehicles.json", as_array(RECORDS)).file
    connection.execute(
        "INSERT INTO ingest.rejects (file_id, record_no, reason, raw) "
        "SELECT %s, 100 + number, 'is missing', '{}' FROM generate_series(1, 5000) AS number",
        (file.file_id,),
    )
    page = {"file_id": file.file_id, "after": 1000, "records": 50, "size": 1 << 20, "between": b","}
    with page_by_page(connection):
        rows = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {read_sql('rejects/joined_raws')}".encode(), page
        ).fetchone()
    assert rows is not None
    (plan,) = rows[0]
    assert max(_rows_of(plan["Plan"])) == 50


def _rows_of(node: dict[str, Any]) -> Iterator[float]:
    """How many rows each node of a plan yielded."""
    yield node["Actual Rows"]
    for child in node.get("Plans", []):
        yield from _rows_of(child)
