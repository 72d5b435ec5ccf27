"""The benchmark runs: its parts on a thousand records, so that it is not found broken when it is needed."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import results
from bench.database import Database
from bench.part import Bench, Part
from bench.parts import datasets, formats, known_keys, memory, rejects, small, whole_job
from bench.rendering import render_part
from bench.results import Cell, Result, Table
from logistics_pipeline.database.connections import connect


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """A thousand records of everything, once."""
    with connect(database_url) as connection:
        yield Bench(tmp_path, Database(database_url, connection, postmaster=None), scale=1e-6, repeat=1)


@pytest.mark.slow
@pytest.mark.parametrize("part", [formats.PART, datasets.PART, known_keys.PART, rejects.PART, small.PART,
                                  memory.PART, whole_job.PART],
                         ids=lambda part: part.name)  # fmt: skip
def test_a_part_measures_what_it_says(bench: Bench, part: Part) -> None:
    findings = part.measure(bench)
    assert findings.tables
    for table in findings.tables:
        assert table.rows
        for row in table.rows:
            hold_row(table, row)
    assert all(math.isfinite(target.measured) for target in findings.targets)
    saved = Result(part.name, "2026-01-02", 1.0, None, {}, findings)
    results.save(saved, bench.folder)
    assert results.load(part.name, bench.folder) == saved
    assert all(table.title in render_part(part, saved) for table in findings.tables)


def hold_row(table: Table, row: list[Cell]) -> None:
    """One cell for each column, of its kind. Only a difference, in percent, may be below zero."""
    assert len(row) == len(table.columns)
    for column, cell in zip(table.columns, row, strict=True):
        if column.kind == "text":
            assert isinstance(cell, str) and cell
        elif cell is not None:
            assert math.isfinite(float(cell)) and (float(cell) >= 0 or column.kind == "percent"), column.name
    assert any(cell for column, cell in zip(table.columns, row, strict=True) if column.kind != "text")
