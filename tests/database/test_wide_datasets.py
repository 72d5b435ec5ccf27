"""Datasets with many columns: more of their files is read at a time."""

from dataclasses import replace

import pytest
import yaml

from logistics_core.catalogue import load_catalogue
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.options import WIDE_COLUMNS, BatchLimits
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest

WIDE, NARROW = WIDE_COLUMNS, WIDE_COLUMNS - 1


@pytest.fixture
def folder(raw_folder: FolderUnderTest) -> FolderUnderTest:
    """The raw folder of an installation with two datasets of texts, one of which is wide."""
    contracts = raw_folder.options.raw_dir.parent / "contracts"
    contracts.mkdir(exist_ok=True)
    for columns in (WIDE, NARROW):
        fields = [
            {"name": f"c{number}", "title": f"C {number}", "type": "string", "description": "A text", "role": "text"}
            for number in range(columns)
        ]
        contract = {
            "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
            "name": f"sheets_{columns}",
            "title": "Sheets",
            "description": "One record per line",
            "path": f"sheets_{columns}/",
            "schema": {"fields": fields},
        }
        (contracts / f"sheets_{columns}.yaml").write_text(yaml.safe_dump(contract))
    catalogue = load_catalogue(contracts)
    migrate(raw_folder.url, catalogue=catalogue)
    return replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue))


def test_chunks_of_a_wide_dataset_have_twice_the_bytes(folder: FolderUnderTest, connection: Connection) -> None:
    batches = {}
    for columns in (WIDE, NARROW):
        header = ",".join(f"c{number}" for number in range(columns))
        lines = [f"{number:07}{',' * (columns - 1)}{'x' * (92 - columns)}" for number in range(400)]  # 99 bytes each
        content = "\n".join([header, *lines, ""]).encode()
        report = folder.drop_and_load(
            f"sheets_{columns}/1.csv", content, chunk_bytes=2_000, batch=BatchLimits(1, 1 << 20)
        )
        assert report.file.records_loaded == 400
        found = connection.execute(
            "SELECT count(*) FROM ingest.batches WHERE file_id = %s", (report.file.file_id,)
        ).fetchone()
        assert found is not None
        batches[columns] = found[0]

    assert 1.8 * batches[WIDE] < batches[NARROW] < 2.2 * batches[WIDE]
