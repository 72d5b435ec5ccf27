"""What a refresh reads: the records of the days that changed, however many there are of the week, month and year."""

import time
from datetime import date, timedelta

import pytest

from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from tests.database.conftest import FolderUnderTest
from tests.database.records import shipment
from tests.database.test_rollups import differing_rollups, kept_by_all_periods, rollups_of

YEAR = date(2024, 1, 1)
PER_DAY = 150
LOADED = """
    INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, records_read, records_loaded)
    VALUES (%(dataset)s, %(dataset)s || '/' || %(first)s, 1, 1, 'loaded', %(records)s, %(records)s) RETURNING file_id
"""
LOGS = """
    INSERT INTO raw.vehicle_logs (log_id, vehicle_id, trip_date, mileage, fuel_used, file_id, record_no)
    SELECT 'l' || n, 'v' || n %% 9, date '2024-01-01' + (n / %(per_day)s)::int, n %% 50, n %% 7, %(file)s, n + 1
    FROM generate_series(%(first)s, %(first)s + %(records)s - 1) AS n
"""
SHIPMENTS = """
    INSERT INTO raw.shipments
        (shipment_id, origin, destination, weight, cost, delivery_time, log_id, file_id, record_no)
    SELECT 's' || n, 'o' || n %% 2, 'd' || n %% 3, 1, 2, n %% 40 + 0.5, 'l' || n, %(file)s, n + 1
    FROM generate_series(%(first)s, %(first)s + %(records)s - 1) AS n
"""


def load_days(connection: Connection, first_day: int, days: int) -> None:
    """As a load leaves some days of the year, made by the server."""
    records = {"first": first_day * PER_DAY, "records": days * PER_DAY, "per_day": PER_DAY}
    stale = [YEAR + timedelta(first_day + number) for number in range(days)]
    with connection.transaction():
        for dataset, rows in (("vehicle_logs", LOGS), ("shipments", SHIPMENTS)):
            found = connection.execute(LOADED.encode(), {"dataset": dataset, **records}).fetchone()
            assert found is not None
            connection.execute(rows.encode(), {"file": found[0], **records})
            connection.execute(
                "INSERT INTO ingest.batches (file_id, last_record, records, stale_days, merged) "
                "VALUES (%s, %s, %s, %s, true)",
                (found[0], records["records"], records["records"], stale if dataset == "vehicle_logs" else []),
            )
    connection.execute("SELECT pg_stat_force_next_flush()")  # a refresh analyses tables by what is counted of them


def rows_read(connection: Connection) -> int:
    """Rows that statements have read of the raw tables so far, those of refreshes that have ended among them."""
    refreshing = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'logistics refresh'"
    deadline = time.monotonic() + 30
    while connection.execute(refreshing).fetchone() != (0,):
        assert time.monotonic() < deadline, "the session of a refresh has not ended"
        time.sleep(0.01)
    row = connection.execute(
        "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables "
        "WHERE schemaname = 'raw' AND relname IN ('vehicle_logs', 'shipments')"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_one_more_day_and_a_correction_read_what_has_changed_not_the_year(
    raw_folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_by_all_periods(monkeypatch)
    for table in ("vehicle_logs", "shipments"):  # what autovacuum would add to the statistics is not to be relied on
        connection.execute(f"ALTER TABLE raw.{table} SET (autovacuum_enabled = off)".encode())
    load_days(connection, 0, 364)
    refresh(raw_folder.url, full=True)
    assert {each["unit"] for each in rollups_of(connection, "shipments")} == {"day", "week", "month", "year"}

    before = rows_read(connection)
    load_days(connection, 364, 1)
    refresh(raw_folder.url)
    one_more_day = rows_read(connection) - before
    raw_folder.drop_and_load("shipments/corrected.json", [shipment(7, log_id="l7", delivery_time=99)])
    before = rows_read(connection)
    refresh(raw_folder.url)
    correction = rows_read(connection) - before

    assert one_more_day < 20 * PER_DAY
    assert correction < 20 * PER_DAY
    assert not differing_rollups(connection)
