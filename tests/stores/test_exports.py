"""What leaves the database: whole or not at all; and a database that is restored is the one that was exported."""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from bench.object_store import SECRET_KEY, Bucket
from logistics_core.catalogue import built_in_catalogue
from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.cli import app
from logistics_pipeline.cli.export import upload_address
from logistics_pipeline.database.connections import connect, with_database
from logistics_pipeline.exports.backup import export_everything, restore
from logistics_pipeline.exports.datasets import Format, export_datasets
from logistics_pipeline.exports.destinations import Destination, UnfitExportError, destination
from logistics_pipeline.exports.from_files import rebuild
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.rejects.export_lines import export_line
from logistics_pipeline.loading.rejects.replay import replay_export
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_endpoints
from logistics_pipeline.notifying.publishing import publish
from tests.contract_texts import synced_catalogue
from tests.database.records import shipment, vehicle
from tests.identities import CONTRACTS, link, payment, truck
from tests.notifying.events import event, states

LOGS = [
    {"log_id": f"L{n}", "vehicle_id": f"V{n % 3}", "trip_date": f"2024-03-{n % 28 + 1:02}", "mileage": n * 1.1}
    for n in range(40)
]


def fill(url: str, options: LoadOptions) -> None:
    """Files, a later version, rejects, an unrecognised file, and figures."""
    raw = options.raw_dir
    contents: list[tuple[str, Any]] = [
        ("vehicles.json", [vehicle(number, name='quote " comma , \\N \n ü') for number in range(3)]),
        ("vehicle_logs.json", LOGS),
        ("shipments.json", [shipment(number, **({"weight": -1} if number % 5 == 4 else {})) for number in range(30)]),
        ("shipments.json", [shipment(number) for number in range(10, 35)]),
        ("unknown.json", [{"a": 1}]),
    ]
    for number, (name, records) in enumerate(contents):
        (raw / name).write_text(json.dumps(records) + " " * number)
        found = options.folder.look_at(raw / name)
        assert found is not None
        load_file(url, found, options)
    refresh(url)


@pytest.fixture
def filled(database_url: str, options: LoadOptions) -> str:
    fill(database_url, options)
    return database_url


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    name = "restored"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
    yield with_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def tables(url: str, schemas: tuple[str, ...]) -> dict[str, list[Any]]:
    """All rows of all tables, in an order of their own."""
    with connect(url) as connection:
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1, 2", (list(schemas),)
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f'SELECT record::text FROM "{schema}"."{table}" AS record ORDER BY 1'.encode()
            ).fetchall()
            for schema, table in names
        }


def where(bucket: Bucket | None, tmp_path: Path) -> Destination:
    if bucket is None:
        return destination(str(tmp_path / "export"), ())
    return destination(f"{bucket.url}/backups", (bucket.place("incoming"),))


@pytest.mark.parametrize("is_store", [False, True])
def test_a_restored_database_is_the_one_that_was_exported(
    is_store: bool, filled: str, empty_url: str, bucket: Bucket, tmp_path: Path
) -> None:
    to = where(bucket if is_store else None, tmp_path)
    manifest = export_everything(filled, to)

    done = restore(empty_url, to)

    assert done.rows == sum(file.rows for file in manifest.files) > 100
    schemas = ("raw", "ingest", "catalogue", "boards", "source")
    assert tables(empty_url, schemas) == tables(filled, schemas)
    before, after = tables(filled, ("analytics",)), tables(empty_url, ("analytics",))
    for table in before.keys() - {"analytics.status", "analytics.definitions", "analytics.rollup_datasets"}:
        assert after[table] == before[table], table


def test_links_and_proposals_are_restored_and_figures_follow_them(
    database_url: str, options: LoadOptions, empty_url: str, tmp_path: Path
) -> None:
    contracts = options.raw_dir.parent / "contracts"
    contracts.mkdir()
    for name, text in CONTRACTS.items():
        (contracts / f"{name}.yaml").write_text(text)
    ours = replace(options, catalogue=synced_catalogue(database_url, contracts))
    for name, records in (
        ("fleet.json", [truck(1), truck(2)]),
        ("fuel.json", [payment(n, n % 3) for n in range(9)]),
        ("fleet_links.json", [link(0, 2)]),
    ):
        (ours.raw_dir / name).write_text(json.dumps(records))
        found = ours.folder.look_at(ours.raw_dir / name)
        assert found is not None
        load_file(database_url, found, ours)
    refresh(database_url)
    with connect(database_url) as connection:
        connection.execute("SELECT identity.decide_proposal(1, true, 'Ada', '')")
    refresh(database_url)
    to = where(None, tmp_path)
    export_everything(database_url, to)

    restore(empty_url, to)

    before, after = tables(database_url, ("identity",)), tables(empty_url, ("identity",))
    for table in ("identity.links", "identity.current_links", "identity.proposals"):
        ours_without, theirs = (
            [re.sub(r",\d*\)$", "", str(row[0])) for row in found[table]] for found in (before, after)
        )
        assert len(theirs) == 2 and theirs == ours_without, table
    with connect(empty_url) as connection:
        connection.execute("SELECT identity.make_link('fleet', 'fuelco', 'W-1230', NULL, 'Ada', '')")
        assert connection.execute("SELECT max(link_id) FROM identity.links").fetchone() == (3,)


def test_who_has_unsubscribed_gets_no_mail_of_a_restored_database(filled: str, empty_url: str, tmp_path: Path) -> None:
    desk = Endpoint("desk", EndpointChannel.EMAIL, recipients=("desk@example.org",))
    with connect(filled) as connection:
        store_endpoints(connection, [desk])
        connection.execute(
            "INSERT INTO notify.suppressions (recipient, endpoint_id, topic, kind, reason, message_id) "
            "SELECT 'desk@example.org', endpoint_id, 'alert.*', 'unsubscribed', 'x', 17 FROM notify.endpoints"
        )
    to = where(None, tmp_path)
    export_everything(filled, to)
    restore(empty_url, to)
    with connect(empty_url) as connection:
        assert store_endpoints(connection, [desk]) == []
        publish(connection, event("alert.firing"))
        publish(connection, event("report"))
        assert states(connection) == ["suppressed", "waiting"]


def correct(url: str, options: LoadOptions, folder: Path, *, every: int) -> None:
    """Loads every so many of the rejects that are open, corrected."""
    with connect(url) as connection:
        lines = [
            json.loads(export_line(reject, layout_from_json(file.layout)))
            for file in ledger.files_with_rejects(connection)
            for reject in ledger.rejects(connection, file_id=file.file_id)
        ]
    corrected = [line | {"record": line["record"] | {"weight": "12.5"}} for line in lines[::every]]
    assert len(corrected) >= 8
    path = folder / "corrected.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in corrected))
    done = replay_export(url, path, options)
    assert done.loaded + done.superseded == len(corrected)


def corrected_and_unloaded(url: str, options: LoadOptions, folder: Path) -> None:
    """Of the rejects of the shipments, some are corrected; another file is unloaded."""
    (options.raw_dir / "shipments_2.json").write_text(
        json.dumps([shipment(number, **({"weight": -1} if number % 3 == 0 else {})) for number in range(30, 60)])
    )
    found = options.folder.look_at(options.raw_dir / "shipments_2.json")
    assert found is not None and load_file(url, found, options).is_loaded
    correct(url, options, folder, every=2)
    unload_file(url, "vehicles.json", options)
    refresh(url)


SAME_AFTER_CORRECTIONS = (
    "SELECT * FROM raw.shipments ORDER BY shipment_id",
    "SELECT file_id, path, version, state, records_read, records_loaded, records_superseded, records_rejected "
    "FROM ingest.files ORDER BY file_id",
    "SELECT file_id, record_no, raw, reason, resolved_at IS NOT NULL FROM ingest.rejects ORDER BY 1, 2",
    "SELECT record::text FROM analytics.days AS record ORDER BY 1",
)


def test_corrections_and_unloads_are_restored_digit_for_digit(
    filled: str, empty_url: str, options: LoadOptions, tmp_path: Path
) -> None:
    corrected_and_unloaded(filled, options, tmp_path)
    to = where(None, tmp_path)
    export_everything(filled, to)
    restore(empty_url, to)

    schemas = ("raw", "ingest", "catalogue", "boards", "source")
    assert tables(empty_url, schemas) == tables(filled, schemas)
    with connect(empty_url) as connection:
        states = connection.execute("SELECT path, state FROM ingest.files ORDER BY file_id").fetchall()
        assert ("vehicles.json", "unloaded") in states
        left = "SELECT count(*) FILTER (WHERE resolved_at IS NULL), count(*) FROM ingest.rejects"
        open_rejects, all_rejects = connection.execute(left).fetchone() or (0, 0)
        assert 0 < open_rejects < all_rejects

    for url in (filled, empty_url):  # both go on: the other rejects are accepted, the file is loaded again
        correct(url, options, tmp_path, every=1)
        found = options.folder.look_at(options.raw_dir / "vehicles.json")
        assert found is not None and load_file(url, found, options).is_loaded
        refresh(url)
    with connect(filled) as one, connect(empty_url) as other:
        for query in (*SAME_AFTER_CORRECTIONS, "SELECT * FROM raw.vehicles ORDER BY 1"):
            rows = one.execute(query).fetchall()
            assert rows and rows == other.execute(query).fetchall(), query


def test_a_restored_database_goes_on_where_the_exported_one_was(
    filled: str, empty_url: str, options: LoadOptions, tmp_path: Path
) -> None:
    to = where(None, tmp_path)
    export_everything(filled, to)
    restore(empty_url, to)

    for url in (filled, empty_url):
        path = options.raw_dir / "shipments_later.json"
        path.write_text(json.dumps([shipment(100), shipment(11)]))
        found = options.folder.look_at(path)
        assert found is not None
        assert load_file(url, found, options).is_loaded
    with connect(filled) as one, connect(empty_url) as other:
        numbers = "SELECT shipment_id, file_id, record_no FROM raw.shipments ORDER BY 1"
        assert one.execute(numbers).fetchall() == other.execute(numbers).fetchall()


@pytest.mark.slow
def test_the_files_give_the_database_that_an_export_of_it_gives(
    database_url: str, empty_url: str, server_url: str, options: LoadOptions, bucket: Bucket, tmp_path: Path
) -> None:
    """Rows with their numbers, rejects, balances and figures, digit for digit."""
    known = replace(options, places=(bucket.place(),))
    bucket.put("shipments/a.json", [shipment(n, **({"weight": -1} if n % 5 == 4 else {})) for n in range(30)])
    bucket.put("shipments/b.json", [shipment(number) for number in range(10, 35)])
    for number, (name, records) in enumerate([("vehicles.json", [vehicle(1)]), ("vehicle_logs.json", LOGS)]):
        (options.raw_dir / name).write_text(json.dumps(records))
        os.utime(options.raw_dir / name, (1e9 + number, 1e9 + number))
    done = rebuild(database_url, known)
    assert (done.files, done.failed) == (4, 0)
    to = where(None, tmp_path)
    export_everything(database_url, to)
    restore(empty_url, to)
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS from_files WITH (FORCE)")
    from_files = with_database(server_url, "from_files")
    migrate(from_files)
    rebuild(from_files, known)

    for query in SAME:
        with connect(empty_url) as one, connect(from_files) as other:
            rows = one.execute(query).fetchall()
            assert rows and rows == other.execute(query).fetchall(), query


SAME = (
    "SELECT * FROM raw.shipments ORDER BY shipment_id",
    "SELECT * FROM raw.vehicle_logs ORDER BY log_id",
    "SELECT file_id, path, version, dataset, state, size_bytes, etag, content_hash, records_read, records_loaded, "
    "records_superseded, records_rejected, layout::text FROM ingest.files ORDER BY file_id",
    "SELECT file_id, record_no, raw, reason FROM ingest.rejects ORDER BY 1, 2",
    "SELECT record::text FROM analytics.days AS record ORDER BY 1",
)


def test_an_export_that_was_changed_or_is_not_whole_is_not_restored(
    filled: str, empty_url: str, tmp_path: Path
) -> None:
    to = where(None, tmp_path)
    export_everything(filled, to)
    path = tmp_path / "export" / "raw.shipments.csv.zst"
    content = path.read_bytes()

    for damaged in (content[:-1], content + content, content[:50] + b"\0" + content[51:]):
        path.write_bytes(damaged)
        with pytest.raises(UnfitExportError, match=r"raw\.shipments|was changed"):
            restore(empty_url, to)
        with connect(empty_url) as connection:
            assert connection.execute("SELECT count(*) FROM ingest.files").fetchone() == (0,)
    path.write_bytes(content)
    (tmp_path / "export" / "manifest.json").unlink()
    with pytest.raises(UnfitExportError, match="did not come to its end"):
        restore(empty_url, to)


def test_a_database_with_files_is_not_restored_over(filled: str, tmp_path: Path) -> None:
    to = where(None, tmp_path)
    export_everything(filled, to)

    with pytest.raises(UnfitExportError, match="holds files already"):
        restore(filled, to)


@pytest.mark.parametrize("format", list(Format))
def test_datasets_are_exported_exactly(format: Format, filled: str, bucket: Bucket, tmp_path: Path) -> None:
    to = where(bucket, tmp_path)

    wanted = ["vehicle_logs", "vehicles", "ledger", "rejects"]
    manifest = export_datasets(filled, wanted, to, format, built_in_catalogue())

    by_name = {file.holds: file for file in manifest.files}
    assert {name: file.rows for name, file in by_name.items()} == {
        "vehicle_logs": 40, "vehicles": 3, "ledger": 5, "rejects": 6,
    }  # fmt: skip
    with to.open(f"vehicle_logs.{format}") as file:
        data = file.read()
    reader = {"csv": _read_csv, "ndjson": _read_ndjson, "parquet": _read_parquet}[format]
    read = reader(data)
    assert {row["log_id"]: Decimal(str(row["mileage"])).normalize() for row in read} == {
        f"L{n}": Decimal(str(n * 1.1)).normalize() for n in range(40)
    }
    with to.open(f"vehicles.{format}") as file:
        names = {row["name"] for row in reader(file.read())}
    assert names == {'quote " comma , \\N \n ü'}


def _read_csv(data: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def _read_ndjson(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=Decimal) for line in data.splitlines()]


def _read_parquet(data: bytes) -> list[dict[str, Any]]:
    return list(parquet.read_table(io.BytesIO(data)).to_pylist())


def test_an_export_that_breaks_off_shows_nothing(bucket: Bucket) -> None:
    to = destination(f"{bucket.url}/out", (bucket.place("incoming"),))

    def blocks() -> Iterator[bytes]:
        yield b"x" * (40 << 20)
        raise OSError("the database went away")

    with pytest.raises(OSError, match="went away"):
        to.write("a.csv", blocks())

    assert "Contents" not in bucket.client.list_objects_v2(Bucket=bucket.name, Prefix="out/a.csv")
    assert not bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads")


def test_nothing_is_exported_to_where_it_would_be_loaded(bucket: Bucket) -> None:
    with pytest.raises(PlaceError, match="is watched"):
        destination(f"{bucket.url}/incoming/exports", (bucket.place("incoming"),))
    with pytest.raises(PlaceError, match="exports go to"):
        destination("https://example.com/x", ())


def test_a_browser_can_send_a_file_to_an_address_that_was_made_for_it(
    bucket: Bucket, declared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upload_address(f"{bucket.url}/incoming/shipments/new file.json", minutes=1)
    address = capsys.readouterr().out.strip()

    assert SECRET_KEY not in address
    assert httpx2.put(address, content=b"[]").status_code == 200
    assert bucket.client.get_object(Bucket=bucket.name, Key="incoming/shipments/new file.json")["Body"].read() == b"[]"


@pytest.mark.slow
def test_the_commands_load_export_and_restore(
    bucket: Bucket, declared: Path, database_url: str, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("incoming/shipments/a b.json", [shipment(number) for number in range(9)])
    bucket.put("incoming/shipments/deep/c.json", [shipment(9)])
    run = CliRunner()
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)

    loaded = run.invoke(app, ["load", f"{bucket.url}/incoming/shipments", "--json"])
    assert loaded.exit_code == 0, loaded.output
    assert [json.loads(line)["loaded"] for line in loaded.stdout.splitlines()] == [9, 1]
    exported = run.invoke(app, ["export", "--everything", "--to", f"{bucket.url}/backups", "--json"])
    assert exported.exit_code == 0, exported.output
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", empty_url)
    restored = run.invoke(app, ["restore", json.loads(exported.stdout)["url"], "--json"])
    assert restored.exit_code == 0, restored.output

    with connect(empty_url) as connection:
        assert connection.execute("SELECT count(*) FROM raw.shipments").fetchone() == (10,)


def test_store_of_export_is_not_that_of_the_place(bucket: Bucket) -> None:
    to = destination(f"{bucket.url}/out", (replace(bucket.place("incoming"), land=True),))

    to.write("a.csv", [b"a"])

    assert bucket.client.get_object(Bucket=bucket.name, Key="out/a.csv")["Body"].read() == b"a"
    assert isinstance(bucket.place(), PlaceDefinition)
