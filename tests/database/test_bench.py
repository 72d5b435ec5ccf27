"""The benchmark runs: its parts on a thousand records, so that it is not found broken when it is needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.database import Database
from bench.part import Bench, Part
from bench.parts import formats, known_keys, memory, rejects, small
from bench.rendering import render_table
from logistics_pipeline.database.connections import connect


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """A thousand records of everything, once."""
    with connect(database_url) as connection:
        yield Bench(tmp_path, Database(database_url, connection, postmaster=None), scale=1e-6, repeat=1)


@pytest.mark.slow
@pytest.mark.parametrize("part", [formats.PART, known_keys.PART, rejects.PART, small.PART, memory.PART],
                         ids=lambda part: part.name)  # fmt: skip
def test_a_part_measures_what_it_says(bench: Bench, part: Part) -> None:
    findings = part.measure(bench)
    assert findings.tables
    for table in findings.tables:
        assert table.rows
        assert render_table(table).count("\n") == len(table.rows) + 2
