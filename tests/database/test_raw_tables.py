"""The raw tables that contracts make have the structure of those that were once written by hand, table for table."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from logistics_core.catalogue import Catalogue, built_in_catalogue
from logistics_core.catalogue.contract_files import make_catalogue, read_contract
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.migrations import migrate

_numbers = count()

HAND_WRITTEN = """
CREATE TABLE raw.vehicles (
    vehicle_id    text COLLATE "C" PRIMARY KEY,
    name          text,
    total_mileage numeric,
    file_id       integer NOT NULL,
    record_no     bigint NOT NULL
);
CREATE TABLE raw.vehicle_logs (
    log_id     text COLLATE "C" PRIMARY KEY,
    vehicle_id text COLLATE "C" NOT NULL,
    trip_date  date NOT NULL,
    mileage    numeric,
    fuel_used  numeric,
    file_id    integer NOT NULL,
    record_no  bigint NOT NULL
);
CREATE INDEX vehicle_logs_by_day_and_vehicle ON raw.vehicle_logs (trip_date, vehicle_id);
CREATE TABLE raw.shipments (
    shipment_id   text COLLATE "C" PRIMARY KEY,
    origin        text COLLATE "C" NOT NULL,
    destination   text COLLATE "C" NOT NULL,
    weight        numeric,
    cost          numeric,
    delivery_time numeric,
    log_id        text COLLATE "C" NOT NULL,
    file_id       integer NOT NULL,
    record_no     bigint NOT NULL
);
CREATE INDEX shipments_by_log ON raw.shipments (log_id);
CREATE INDEX shipments_by_file ON raw.shipments USING brin (file_id) WITH (pages_per_range = 32, autosummarize = on);
"""
"""The tables of the built-in datasets as version 0.1 made them: databases of that time have these."""

STRUCTURE = {
    "relations": "SELECT relname, relkind, relpersistence, reloptions, relreplident, am.amname, relnatts FROM pg_class "
    "LEFT JOIN pg_am AS am ON am.oid = relam WHERE relnamespace = 'raw'::regnamespace ORDER BY 1",
    "columns": "SELECT attrelid::regclass::text, attnum, attname, format_type(atttypid, atttypmod), attnotnull, "
    "attstorage, attcompression, attidentity, attgenerated, atthasdef, attstattarget, attoptions, collname "
    "FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
    "LEFT JOIN pg_collation ON pg_collation.oid = attcollation "
    "WHERE relnamespace = 'raw'::regnamespace AND attnum > 0 ORDER BY 1, 2",
    "constraints": "SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'raw'::regnamespace ORDER BY 1, 2",
    "indexes": "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisunique, indisprimary, indisvalid "
    "FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'raw'::regnamespace ORDER BY 1",
}
"""What PostgreSQL's catalogue says of everything in the schema raw."""


def structure(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {name: connection.execute(query.encode()).fetchall() for name, query in STRUCTURE.items()}


@pytest.fixture
def hand_written_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated database whose raw tables were made by hand."""
    name = f"hand_written_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
    url = with_database(server_url, name)
    with connect(url) as connection:
        connection.execute("DROP TABLE raw.vehicles, raw.vehicle_logs, raw.shipments")
        connection.execute(HAND_WRITTEN.encode())
    yield url
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_contracts_make_the_tables_that_were_written_by_hand(connection: Connection, hand_written_url: str) -> None:
    with connect(hand_written_url) as other:
        assert structure(connection) == structure(other)


def test_a_database_with_hand_written_tables_migrates_and_nothing_in_them_changes(hand_written_url: str) -> None:
    with connect(hand_written_url) as connection:
        connection.execute("INSERT INTO raw.vehicles VALUES ('v1', 'Truck', 5, 1, 1)")
        before = structure(connection)
        oids = connection.execute("SELECT oid, relfilenode FROM pg_class WHERE relnamespace = 'raw'::regnamespace")
        files = sorted(oids.fetchall())

        migrate(hand_written_url)

        assert structure(connection) == before
        oids = connection.execute("SELECT oid, relfilenode FROM pg_class WHERE relnamespace = 'raw'::regnamespace")
        assert sorted(oids.fetchall()) == files, "the same tables, in the same files"
        assert connection.execute("SELECT * FROM raw.vehicles").fetchall() == [("v1", "Truck", 5, 1, 1)]


def test_every_table_and_column_says_what_it_holds(connection: Connection) -> None:
    described = connection.execute(
        "SELECT attrelid::regclass::text, obj_description(attrelid, 'pg_class'), attname, "
        "col_description(attrelid, attnum) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = 'raw'::regnamespace AND relkind = 'r' AND attnum > 0"
    ).fetchall()

    assert {table for table, *_ in described} == {dataset.table for dataset in built_in_catalogue().values()}
    assert [row for row in described if not row[1] or not row[3]] == []
    comments = {(table, column): comment for table, _, column, comment in described}
    assert comments["raw.vehicle_logs", "fuel_used"] == "Fuel burnt, litres"


CONTRACT = """
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: drivers
path: drivers.csv
title: Drivers
description: "People who drive: it's one record each. {braces} and 100 % too."
schema:
  primaryKey: [driver_id]
  fields:
    - {name: driver_id, title: Driver, type: string, role: identifier, description: Identifies the driver,
       constraints: {required: true}}
    - {name: select, title: Reserved word, type: number, role: measure, description: Named like a word of SQL}
indexes:
  - {name: drivers_by_select, fields: [select]}
  - {name: drivers_by_file, fields: [file_id], method: brin}
"""


def with_drivers(tmp_path: Path, contract: str) -> Catalogue:
    path = tmp_path / "drivers.yaml"
    path.write_text(contract)
    return make_catalogue([*built_in_catalogue().values(), read_contract(path)])


def test_a_contract_may_hold_what_means_something_to_sql(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    migrate(database_url, catalogue=with_drivers(tmp_path, CONTRACT))

    comment = connection.execute("SELECT obj_description('raw.drivers'::regclass, 'pg_class')").fetchone()
    assert comment == ("People who drive: it's one record each. {braces} and 100 % too.",)
    indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'drivers' ORDER BY 1").fetchall()
    assert [definition for (definition,) in indexes] == [
        "CREATE INDEX drivers_by_file ON raw.drivers USING brin (file_id) "
        "WITH (pages_per_range='32', autosummarize='on')",
        'CREATE INDEX drivers_by_select ON raw.drivers USING btree ("select")',
        "CREATE UNIQUE INDEX drivers_pkey ON raw.drivers USING btree (driver_id)",
    ]


def test_a_contract_that_has_changed_is_refused_with_what_its_table_lacks(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    migrate(database_url, catalogue=with_drivers(tmp_path, CONTRACT))
    before = structure(connection)

    with pytest.raises(ConfigurationError, match=r"raw\.drivers was made from another contract: it lacks select date"):
        migrate(
            database_url,
            catalogue=with_drivers(tmp_path, CONTRACT.replace("type: number, role: measure", "type: date, role: time")),
        )

    assert structure(connection) == before
