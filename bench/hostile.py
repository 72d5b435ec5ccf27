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


_SIZE = 30_000_000


def _filled(begin: str, unit: str, end: str) -> Callable[[Path, float], None]:
    """What writes a file of a beginning, a unit repeated up to 30 MB, and an end."""

    def write(path: Path, scale: float) -> None:
        path.write_text(begin + unit * max(1, round(_SIZE * scale) // len(unit)) + end, "utf-8")

    return write


def _blank_rows(path: Path, scale: float) -> None:
    path.write_text("vehicle_id,name\nV1,n\n" + ",\n" * round(15_000_000 * scale) + "V2,n\n")


def _long_names(path: Path, scale: float) -> None:
    names = (f"{number:06}{'x' * 284}" for number in range(max(round(99_000 * scale), 2)))
    path.write_text(f"vehicle_id,{','.join(names)}\nV1\n")


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
    HostileFile(
        "vehicles-before-id.ndjson",
        "30 MB of wide text under an unknown key before the id",
        _filled('{"unknown":"😀', "a", '","vehicle_id":"V1"}\n{"vehicle_id":"V2"}\n'),
        2,
    ),
    HostileFile(
        "vehicles-halves.json",
        "30 MB of surrogate halves in a known field",
        _filled('[{"vehicle_id":"V1"},{"vehicle_id":"V2","name":"', "\\ud83d\\\\", '"},{"vehicle_id":"V3"}]'),
        2,
        rejected=1,
    ),
    HostileFile(
        "vehicles-json-text.json", "a JSON text of 30 MB and nothing else", _filled('"😀', "a", '"'), 0, fails=True
    ),
    HostileFile(
        "vehicles-header-lines.csv",
        "a CSV header with a quoted field of 15 million lines",
        _filled('vehicle_id,"', "a\n", '"\nV1,n\n'),
        1,
    ),
    HostileFile(
        "vehicles-header-quotes.csv",
        "a CSV header with a field of 15 million quotes",
        _filled('vehicle_id,"', '""', '"\nV1,n\n'),
        1,
    ),
    HostileFile(
        "vehicles-header-blanks.csv",
        "a CSV header with a field of 30 MB of blanks",
        _filled("vehicle_id,", " ", "\nV1,n\n"),
        1,
    ),
    HostileFile("vehicles-blank-rows.csv", "15 million rows of a comma", _blank_rows, 2),
    HostileFile(
        "vehicles-names.csv", "a CSV header of 99,000 names of 290 characters", _long_names, 0, rejected=1, fails=True
    ),
]


def make_file(bench: Bench, file: HostileFile) -> Path:
    """Writes a file into the folder of the benchmark."""
    path = bench.folder / file.name
    file.write(path, min(bench.scale, 1.0))
    return path
