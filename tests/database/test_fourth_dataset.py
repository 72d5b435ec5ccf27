"""A further dataset is one entry in the catalogue and one file of SQL: everything else follows."""

from pathlib import Path

import pytest

from logistics_core import catalogue, sql_files
from logistics_core.catalogue.contract_files import read_contract
from logistics_pipeline import migrations
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.folder import RawFolder
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_array, as_csv, as_lines

CONTRACT = """
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: drivers
path: drivers.csv
title: Drivers
description: People who drive.
schema:
  primaryKey: [driver_id]
  fields:
    - {name: driver_id, title: Driver, type: string, role: identifier, description: Identifies the driver,
       constraints: {required: true}}
    - {name: hired_on, title: Hired on, type: date, role: time, description: First day of work}
    - {name: licence_points, title: Points, type: number, role: measure, description: Points,
       constraints: {required: true, minimum: 0}}
"""
TABLE = """
CREATE TABLE IF NOT EXISTS raw.drivers (
    driver_id      text COLLATE "C" PRIMARY KEY,
    hired_on       date,
    licence_points numeric NOT NULL,
    file_id        integer NOT NULL,
    record_no      bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS drivers_by_day ON raw.drivers (hired_on);
"""


@pytest.fixture
def with_drivers(connection: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    contract = tmp_path / "drivers.yaml"
    contract.write_text(CONTRACT)
    read = sql_files.read_sql
    monkeypatch.setitem(catalogue.DATASETS._datasets, "drivers", read_contract(contract))
    monkeypatch.setattr(migrations, "read_sql", lambda name: TABLE if name == "raw/drivers" else read(name))
    migrations._make_raw_tables(connection)


def driver(number: int, **changes: object) -> dict[str, object]:
    return {"driver_id": f"d{number}", "hired_on": "2024-03-05", "licence_points": 3} | changes


@pytest.mark.usefixtures("with_drivers")
@pytest.mark.parametrize(("suffix", "write"), [("json", as_array), ("ndjson", as_lines), ("csv", as_csv)])
def test_a_fourth_dataset_is_found_loaded_merged_and_validated(
    suffix: str, write: object, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    first = raw_folder.drop_and_load(
        f"drivers.{suffix}",
        write([driver(1), driver(2, hired_on=None), driver(3, licence_points=-1), driver(4, licence_points=None)]),  # type: ignore[operator]
    )
    second = raw_folder.drop_and_load(f"drivers/again.{suffix}", write([driver(2, licence_points=5), driver(9)]))  # type: ignore[operator]

    assert (first.file.dataset, first.file.records_loaded, first.file.records_rejected) == ("drivers", 2, 2)
    assert (second.file.records_loaded, second.file.records_superseded) == (2, 0)
    rows = connection.execute("SELECT driver_id, hired_on::text, licence_points FROM raw.drivers ORDER BY 1").fetchall()
    assert rows == [("d1", "2024-03-05", 3), ("d2", "2024-03-05", 5), ("d9", "2024-03-05", 3)]


@pytest.mark.usefixtures("with_drivers")
def test_its_files_are_recognised_by_their_path(tmp_path: Path) -> None:
    path = tmp_path / "drivers-2024.json"
    path.write_text("[]")
    found = RawFolder(tmp_path).look_at(path)
    assert found is not None
    assert found.dataset == "drivers"
