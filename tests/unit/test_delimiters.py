"""Which delimiter a CSV file has: told by the names in its header, and only where they leave it open by a library."""

import csv
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from logistics_pipeline.loading.layouts import DELIMITERS
from tests.checkout import PROJECT_ROOT
from tests.datasets import DATASETS, SHIPMENTS, VEHICLE_LOGS, VEHICLES

SHARED_DATA = PROJECT_ROOT.parent / "shared/data"
REAL_FILES = sorted(SHARED_DATA.glob("*/*.csv"))
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the library fails."""
    monkeypatch.setitem(sys.modules, "clevercsv", None)


@pytest.mark.skipif(not REAL_FILES, reason="the shared data is not here")
@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_header_of_real_files_tells_by_itself(read_content: Any, path: Path, delimiter: str) -> None:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))[:200]
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        for count in (1, 2, len(rows)):
            text = io.StringIO()
            csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(rows[:count])

            outcome = read_content(text.getvalue().encode(), DATASETS[path.stem])

            assert (outcome.format, outcome.error) == (f"csv with {NAMES[delimiter]}", None)
            assert outcome.values == [dict(zip(rows[0], row, strict=True)) for row in rows[1:count]]


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize(
    "text, delimiter",
    [
        ("log_id;vehicle_id;trip_date;mileage\n1;2;2024-01-01;12,5\n3;4;2024-01-02;7,25\n", ";"),
        ("log_id\tvehicle_id\ttrip_date\tnote\n1\t2\t2024-01-01\twell, yes; no, maybe | so\n", "\t"),
        ('log_id|vehicle_id|trip_date|"a, b; c"\n1|2|2024-01-01|x, y, z;\n', "|"),
        ('log_id,vehicle_id,trip_date,"a;b;c;d"\n1,2,2024-01-01,"1;2;3;4"\n', ","),
        ('"log_id";"vehicle_id";"trip_date"\n"1, 2";"3, 4";"5, 6"\n', ";"),
        ("log_id;vehicle_id;trip_date", ";"),
        ("log_id;vehicle_id;trip_date\r1;2;3", ";"),
    ],
)
def test_whatever_the_rows_hold_the_names_decide(read_content: Any, text: str, delimiter: str) -> None:
    outcome = read_content(text.encode(), VEHICLE_LOGS)

    assert (outcome.format, outcome.error) == (f"csv with {NAMES[delimiter]}", None)
    assert all(isinstance(value, dict) for value in outcome.values)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_between_names_that_leave_it_open_the_rows_decide(read_content: Any, delimiter: str, newline: str) -> None:
    other = "," if delimiter != "," else ";"
    header = delimiter.join(["vehicle_id", f'"of depot{other}name"', "x"])
    rows = [delimiter.join([f"V{number}", "Köln, Mitte" if delimiter != "," else "Köln", "y"]) for number in range(9)]
    text = newline.join([f"\ufeff{header}", *rows])

    outcome = read_content(text.encode())

    assert outcome.format == f"csv with {NAMES[delimiter]}"
    assert [value["vehicle_id"] for value in outcome.values] == [f"V{number}" for number in range(9)]


def test_a_tie_of_names_is_broken_by_the_rows(read_content: Any) -> None:
    header = "vehicle_id|x,name\n"

    assert read_content((header + "1|a,b\n2|c\n3|d, e, f\n" * 5).encode()).format == "csv with pipes"


@pytest.mark.parametrize("rows", ["", "1\n2\n", "V-1\nV-2\n", '"a,b"\n"c,d"\n', "\0\n\udcff\n", "\n\n"])
def test_a_single_column_needs_no_delimiter(read_content: Any, rows: str) -> None:
    outcome = read_content(f"vehicle_id\n{rows}".encode("utf-8", "surrogateescape"))

    assert outcome.error is None
    assert outcome.format == "csv with commas"
    assert all(set(value) == {"vehicle_id"} for value in outcome.values)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_names_that_are_not_ours_are_shown_one_by_one(read_content: Any, delimiter: str) -> None:
    rows = [["Nr", "Von", "Nach"], *([str(number), "Köln", "Bonn"] for number in range(5))]
    text = "\n".join(delimiter.join(row) for row in rows)

    assert "a CSV header of shipments: Nr, Von, Nach;" in str(read_content(text.encode(), SHIPMENTS).error)


def test_the_library_is_given_little_of_what_may_be_hostile(read_content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import clevercsv

    detect, sizes = clevercsv.Detector.detect, []

    def measure(self: Any, sample: str, **options: Any) -> Any:
        sizes.append(len(sample))
        return detect(self, sample, **options)

    monkeypatch.setattr(clevercsv.Detector, "detect", measure)
    for unit in ("1", "a.", '"",', "-.", "x,;|\t", "'é"):
        assert read_content(b"vehicle_id\n" + unit.encode() * 50_000, VEHICLES).format == "csv with commas"

    assert len(sizes) == 6
    assert max(sizes) <= 2048
