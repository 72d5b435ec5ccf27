"""Files of the real world, held against the data contract as this test reads it, with the standard library."""

import csv
import gzip
import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.options import BatchLimits
from tests.checkout import PROJECT_ROOT
from tests.database.conftest import FolderUnderTest

DATA = PROJECT_ROOT.parent / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real input at {DATA}")

Raw = dict[str, Any]
Row = tuple[Any, ...]

FIELDS = {
    "vehicles": {"vehicle_id": "text", "name": "text?", "total_mileage": ">=0"},
    "vehicle_logs": {"log_id": "text", "vehicle_id": "text", "trip_date": "date", "mileage": ">=0", "fuel_used": ">=0"},
    "shipments": {
        "shipment_id": "text",
        "origin": "text",
        "destination": "text",
        "weight": ">0",
        "cost": ">=0",
        "delivery_time": ">=0",
        "log_id": "text",
    },
}
"""The contract, once more."""

EXPECTED = {
    "india_truck_trips": {
        "vehicles": (2_325, 2_325, 0, 0),
        "vehicle_logs": (6_880, 6_873, 5, 2),
        "shipments": (6_880, 6_807, 5, 68),
    },
    "pnwflights14": {
        "vehicles": (2_628, 2_628, 0, 0),
        "vehicle_logs": (60_358, 60_283, 0, 75),
        "shipments": (78_016, 78_016, 0, 0),
    },
    "scms_deliveries": {
        "vehicles": (5, 5, 0, 0),
        "vehicle_logs": (7_030, 7_030, 0, 0),
        "shipments": (10_324, 6_170, 0, 4_154),
    },
}
"""Records read, loaded, superseded, rejected: known beforehand, so that a mistake here and there alike is seen."""


class BrokenRuleError(Exception):
    """A record breaks the contract; the argument is the field."""


def read(path: Path) -> list[Raw]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = content.decode("utf-8-sig")
    if ".csv" in path.name:
        return list(csv.DictReader(text.splitlines(keepends=True)))
    return list(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def to_row(dataset: str, record: Raw) -> Row:
    return tuple(to_value(name, kind, record.get(name)) for name, kind in FIELDS[dataset].items())


def to_value(name: str, kind: str, value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip() or None
    if value is None:
        if kind in ("text", "date"):
            raise BrokenRuleError(name)
        return None
    if kind.startswith("text"):
        if not isinstance(value, str) or len(value) > 255:
            raise BrokenRuleError(name)
        return value
    return to_date(name, value) if kind == "date" else to_number(name, kind, value)


def to_number(name: str, kind: str, value: Any) -> Decimal:
    if not isinstance(value, Decimal):
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            raise BrokenRuleError(name)
        value = Decimal(value)
    if value < 0 or (kind == ">0" and value == 0):
        raise BrokenRuleError(name)
    return value


def to_date(name: str, value: str) -> date:
    for pattern in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%d-%b-%y"):
        try:
            found = datetime.strptime(value, pattern).date()  # noqa: DTZ007
        except ValueError:
            continue
        if date(1900, 1, 1) <= found <= date(2100, 12, 31):
            return found
    raise BrokenRuleError(name)


def judge(dataset: str, records: list[Raw]) -> tuple[dict[Any, Row], list[tuple[int, str]]]:
    """The rows that should be there by key, and the rejects as record number and field."""
    rows, rejects = {}, []
    for number, record in enumerate(records, start=1):
        try:
            row = to_row(dataset, record)
        except BrokenRuleError as error:
            rejects.append((number, str(error)))
        else:
            rows[row[0]] = (*row, number)
    return rows, rejects


VARIANTS = [
    pytest.param(name, suffix, marks=[pytest.mark.slow] if name == "pnwflights14" else [])
    for name in EXPECTED
    for suffix in (".json", ".csv")
    if (name, suffix) != ("pnwflights14", ".csv")
]
"""Every set in every format it comes in; the largest one is slow."""


def counts(file: LedgerFile) -> tuple[int, int, int, int]:
    return file.records_read, file.records_loaded, file.records_superseded, file.records_rejected


@needs_data
@pytest.mark.parametrize(("name", "suffix"), VARIANTS)
def test_real_files_come_out_as_the_contract_says(
    name: str, suffix: str, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    stored = {}
    for dataset in FIELDS:
        path = next((DATA / name).glob(f"{dataset}{suffix}*"))
        found = raw_folder.options.folder.look_at(path)
        assert found is not None
        rows, rejects = judge(dataset, read(path))

        file = raw_folder.load(found, batch=BatchLimits(20_000, 8 << 20)).file

        assert (file.state, file.dataset, file.unknown_fields) == ("loaded", dataset, [])
        assert counts(file) == EXPECTED[name][dataset]
        assert [
            (reject.record_no, reject.field) for reject in ledger.rejects(connection, file_id=file.file_id)
        ] == rejects
        columns = sql.SQL(", ").join(map(sql.Identifier, [*FIELDS[dataset], "record_no"]))
        query = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier("raw", dataset))
        stored[dataset] = {row[0]: row for row in connection.execute(query).fetchall()}
        assert stored[dataset] == rows

    check_analytics(raw_folder.url, connection, stored)


def check_analytics(url: str, connection: Connection, stored: dict[str, dict[str, Row]]) -> None:
    """The figures agree with sums made here."""
    done = refresh(url)
    dates = {log_id: row[2] for log_id, row in stored["vehicle_logs"].items()}
    dated = [row for row in stored["shipments"].values() if row[6] in dates]
    assert done.unassigned_shipments == len(stored["shipments"]) - len(dated)
    row = connection.execute(
        "SELECT coalesce(sum(shipments), 0), coalesce(sum(cost_sum), 0), coalesce(sum(delivery_sum), 0), "
        "count(DISTINCT day), count(DISTINCT (origin, destination)) FROM analytics.daily_routes"
    ).fetchone()
    assert row == (
        len(dated),
        sum((row[4] or 0 for row in dated), Decimal(0)),
        sum((row[5] or 0 for row in dated), Decimal(0)),
        len({dates[row[6]] for row in dated}),
        len({(row[1], row[2]) for row in dated}),
    )
    trips = connection.execute("SELECT sum(trips), sum(mileage_sum) FROM analytics.daily_vehicles").fetchone()
    logs = stored["vehicle_logs"].values()
    assert trips == (len(logs), sum((log[3] or 0 for log in logs), Decimal(0)))


@pytest.mark.slow
@needs_data
def test_the_csv_and_the_json_of_a_set_reject_the_same_records_for_the_same_reasons(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    reasons = []
    for name in ("shipments.json.gz", "shipments.csv"):
        found = raw_folder.options.folder.look_at(DATA / "scms_deliveries" / name)
        assert found is not None
        file = raw_folder.load(found, batch=BatchLimits(20_000, 8 << 20)).file
        rejects = ledger.rejects(connection, file_id=file.file_id)
        reasons.append([(reject.record_no, reject.field) for reject in rejects])

    assert reasons[0] == reasons[1]
