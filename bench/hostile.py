"""Files that are hard on memory: rows and records as large as may be, and quotes that are never closed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.part import Bench


@dataclass(frozen=True)
class HostileFile:
    """A file, and what a load of it must come to."""

    name: str
    what: str
    write: Callable[[Path, float], None]
    """Writes the file at a scale, of which 1 is the largest that a record may be."""
    loaded: int
    rejected: int = 0
    fails: bool = False
    """At full scale, with the position of what is wrong."""


def _wide_header(path: Path, scale: float) -> None:
    columns = [f"a_column_with_quite_a_long_name_{number:04}" for number in range(2_100)]
    with path.open("w") as file:
        file.write(f"vehicle_id,{','.join(columns)}\n")
        file.writelines(f"V{number}" + ",1" * 2_100 + "\n" for number in range(300))


def _leading_blanks(path: Path, scale: float) -> None:
    path.write_text(" " * 200_000 + '[{"vehicle_id": "V1"}]')


def _empty_lists(path: Path, scale: float) -> None:
    path.write_text('[{"vehicle_id": "V1", "unknown": [' + "[]," * round(10_000_000 * scale) + "[]]}]")


def _lines_in_a_quoted_field(path: Path, scale: float) -> None:
    path.write_text('vehicle_id,name\nV1,n\nV2,"' + "a\n" * round(30_000_000 * scale))


def _rows_behind_an_open_quote(path: Path, scale: float) -> None:
    with path.open("w") as file:
        file.write('vehicle_id,name\nV1,"open\n')
        file.writelines(f"V{number},n\n" for number in range(round(6_000_000 * scale)))


def _commas(path: Path, scale: float) -> None:
    path.write_text("vehicle_id,name\nV1,n\nV2" + "," * round(33_000_000 * scale) + "\nV3,n\n")


def _long_text(path: Path, scale: float) -> None:
    path.write_text('vehicle_id,name\nV1,n\nV2,"' + "a\n" * max(200, round(15_000_000 * scale)) + '"\nV3,n\n')


FILES = [
    HostileFile("vehicles-wide.csv", "a CSV header of 77 KB with 2,101 columns", _wide_header, 300),
    HostileFile("vehicles-blanks.json", "200 KB of blanks before the JSON array", _leading_blanks, 1),
    HostileFile("vehicles-lists.json", "a record of 30 MB of empty lists in an unknown field", _empty_lists, 1),
    HostileFile("vehicles-lines.csv", "a quoted field of 30 million lines", _lines_in_a_quoted_field, 1, fails=True),
    HostileFile(
        "vehicles-stray.csv", "65 MB of good rows behind an open quote", _rows_behind_an_open_quote, 0, fails=True
    ),
    HostileFile("vehicles-commas.csv", "a row of 33 MB of commas", _commas, 2, rejected=1),
    HostileFile("vehicles-text.csv", "a row of 30 MB of quoted text, closed", _long_text, 2, rejected=1),
]


def make_file(bench: Bench, file: HostileFile) -> Path:
    """Writes a file into the folder of the benchmark."""
    path = bench.folder / file.name
    file.write(path, min(bench.scale, 1.0))
    return path
