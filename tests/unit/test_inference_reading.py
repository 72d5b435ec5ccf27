"""A file that was proposed is a file that loads: the loader finds the cells that inference saw, for any kind of CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_pipeline.inference.propose import propose
from logistics_pipeline.inference.sampling import read_sample
from logistics_pipeline.inference.tables import read_table
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format, open_after, read_records

MAX_BYTES = 1 << 20
ABOUT_MEANING = ("key",)
"""Questions that change no cell."""


@dataclass(frozen=True)
class Kind:
    """How a file is written."""

    delimiter: str = ","
    quote: str = '"'
    newline: str = "\n"
    header: str = "plain"
    preamble: int = 0
    encoding: str = "utf-8"
    escape: bool = False
    spaces: bool = False
    ends_with_delimiter: bool = False
    rows_end_with_delimiter: bool = False
    """Of these, the header has none."""
    comment: bool = False


CITIES = (
    "Köln",
    "Łódź",
    "Genève",
    "Praha",
    "São Paulo",
    "Aix; en, Provence",
    "Old 'Town'",
    'The "Hub"',
    "Győr",
    "Zürich",
)
WESTERN = ("Köln", "Genève", "São Paulo", "Zürich", "Málaga", "Besançon", "Ålesund", "Mühlheim", "Orléans", "Cádiz")
TITLES = {
    "plain": [["Trip No.", "Von (Stadt)", "Gross weight [kg]", "Picked up"]],
    "spaced": [["Trip No.", " Von ", "gross.weight", "PICKED-UP"]],
    "duplicate": [["Trip", "Name", "Value", "Name"]],
    "unnamed": [["Trip No.", "", "Weight", ""]],
    "two rows": [["Trip", "Load", "Load", "Time"], ["No.", "City", "Weight kg", "Picked up"]],
    "groups": [["Trip", "Load", "", "Time"], ["No.", "City", "Weight kg", "Picked up"]],
    "narrow": [["City", "Weight", "Picked up"]],
    "none": [],
}


def write(kind: Kind, rows: Sequence[Sequence[str]]) -> bytes:
    """The bytes of a file of a kind."""

    def cell(text: str) -> str:
        must = any(mark in text for mark in (kind.delimiter, kind.quote, "\n", "\r")) or kind.quote == "'"
        if not must:
            return text
        pair = f"\\{kind.quote}" if kind.escape else kind.quote * 2
        return f"{kind.quote}{text.replace(kind.quote, pair)}{kind.quote}"

    between = f"{kind.delimiter} " if kind.spaces else kind.delimiter
    end = kind.delimiter if kind.ends_with_delimiter or kind.rows_end_with_delimiter else ""
    header_end = kind.delimiter if kind.ends_with_delimiter else ""
    lines = ["Exported by the depot", ""][: kind.preamble]
    lines += [between.join(map(cell, row)) + header_end for row in TITLES[kind.header]]
    lines += [between.join(map(cell, row)) + end for row in rows]
    if kind.comment:
        lines.insert(len(lines) - 2, "# checked")
    return (kind.newline.join(lines) + kind.newline).encode(kind.encoding)


def rows_of(kind: Kind, count: int) -> list[list[str]]:
    cities = WESTERN if kind.encoding == "cp1252" else CITIES
    if kind.encoding == "cp1250":
        cities = tuple(city for city in CITIES if city not in ("São Paulo", "Genève"))
    return [
        [f"T-{number:03}", cities[number % len(cities)], f"{number * 7 + 3}.5", f"2024-03-{number % 27 + 1:02}"]
        for number in range(count)
    ]


def loaded(path: Path, dataset: Dataset) -> dict[str, list[object]]:
    """The cells of a file by the names of the fields; fails if a record is none."""
    layout = detect_format(path, dataset, Catalogue({dataset.name: dataset}), MAX_BYTES).layout
    columns: dict[str, list[object]] = {name: [] for name in dataset.columns}
    with open_after(path, layout, Checkpoint(), encoding=dataset.encoding) as source:
        for records in read_records(source, layout, 0, MAX_BYTES):
            for value in records.values:
                assert isinstance(value, dict), value
                for name in columns:
                    columns[name].append(value[name])
    return columns


def check(path: Path, kind: Kind, count: int = 12) -> None:
    """Writes a file of a kind, proposes a contract for it, and compares what a load by it reads with what is there."""
    rows = rows_of(kind, count)
    path.write_bytes(write(kind, rows))
    encoding = "cp1250" if kind.encoding == "cp1250" else None
    proposal = propose(path, "trips", encoding=encoding)
    assert [each.text for each in proposal.questions if each.kind not in ABOUT_MEANING] == []
    dataset = contract_from_document(proposal.contract(), "trips.yaml")
    table = read_table(read_sample(path, encoding=encoding), MAX_BYTES)
    seen = dict(zip(dataset.columns, map(list, table.columns), strict=True))

    assert loaded(path, dataset) == seen
    # Without a header, an empty cell after the last delimiter may be a column.
    ends = [""] if kind.header == "none" and kind.ends_with_delimiter else []
    found = [[str(cell).strip() for cell in row] for row in zip(*seen.values(), strict=True)]
    assert found == [[*row, *ends] for row in rows]


KINDS = st.builds(
    Kind,
    delimiter=st.sampled_from([",", ";", "\t", "|", "^", "~"]),
    quote=st.sampled_from(['"', "'"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    header=st.sampled_from(list(TITLES)),
    preamble=st.integers(0, 2),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252", "cp1250"]),
    escape=st.booleans(),
    spaces=st.booleans(),
    ends_with_delimiter=st.booleans(),
    rows_end_with_delimiter=st.booleans(),
    comment=st.booleans(),
)


def _can_be_told(kind: Kind) -> bool:
    """Whether all parts of a kind show in the file: what leaves a question is not loaded."""
    if kind.header == "none" and kind.preamble:
        return False
    if kind.rows_end_with_delimiter:
        return kind.header in ("plain", "spaced", "duplicate") and not kind.preamble
    return not (kind.header == "narrow" and (kind.ends_with_delimiter or kind.preamble))


@given(kind=KINDS.filter(_can_be_told))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(kind=Kind())
@example(kind=Kind(header="groups", preamble=2, delimiter=";"))
@example(kind=Kind(header="none", delimiter="^"))
@example(kind=Kind(header="narrow", delimiter="\t"))
@example(kind=Kind(quote="'", delimiter="|", newline="\r"))
@example(kind=Kind(rows_end_with_delimiter=True, delimiter=","))
@example(kind=Kind(escape=True, spaces=True, encoding="cp1250"))
def test_a_load_by_the_proposed_contract_reads_the_cells_that_inference_saw(tmp_path: Path, kind: Kind) -> None:
    check(tmp_path / "trips.csv", kind)


@pytest.mark.parametrize("header", list(TITLES))
def test_every_kind_of_header_is_found_again(tmp_path: Path, header: str) -> None:
    check(tmp_path / "trips.csv", Kind(header=header, delimiter=";"))
