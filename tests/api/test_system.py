"""The system about itself: what the ledger holds, whether a refresh runs, whether the API is ready."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from logistics_core.database_contract.locks import REFRESH_LOCK
from logistics_core.database_contract.schema import SCHEMA_VERSION
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.migrations import head_version

HOLD_LOCK = """
import sys, time, psycopg
connection = psycopg.connect(sys.argv[1], autocommit=True)
connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [sys.argv[2]])
print("held", flush=True)
time.sleep(60)
"""


def test_the_schema_version_is_the_one_the_migrations_reach() -> None:
    assert head_version() == SCHEMA_VERSION


def test_health_is_about_the_process_alone(serve: Any) -> None:
    with serve("postgresql://nobody@127.0.0.1:1/nothing") as api:
        assert api.get("/health") == {"status": "ok"}


def test_a_migrated_database_is_ready(api: Any) -> None:
    assert api.get("/ready") == {"status": "ready", "schema_version": SCHEMA_VERSION}


@pytest.mark.parametrize(
    ("version", "says", "advises"),
    [
        ("0000", "has schema version 0000", "Run `logistics migrate`."),
        ("9999", "has schema version 9999", "Install the matching version of the API."),
        (None, "has schema version none", "Run `logistics migrate`."),
    ],
)
def test_another_schema_version_is_not_ready(
    api: Any, database_url: str, version: str | None, says: str, advises: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM ingest.alembic_version")
        if version is not None:
            connection.execute("INSERT INTO ingest.alembic_version VALUES (%s)", [version])
    problem = api.refused(503, "/ready")
    assert problem["type"] == "urn:logistics:problem:schema-mismatch"
    assert says in problem["detail"]
    assert problem["detail"].endswith(advises)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE ingest.alembic_version, ingest.rejects, ingest.batches, ingest.files CASCADE",
        "DROP SCHEMA ingest CASCADE",
        "REVOKE USAGE ON SCHEMA ingest FROM PUBLIC, logistics_reader",
    ],
)
def test_a_database_that_was_not_migrated_is_told_what_to_run(api: Any, database_url: str, damage: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(damage)
    for path in ("/ready", "/api/system/status"):
        problem = api.refused(503, path)
        assert problem["type"] == "urn:logistics:problem:schema-mismatch"
        assert problem["detail"].endswith("Run `logistics migrate`.")


def test_status_before_anything_has_happened(api: Any) -> None:
    assert api.get("/api/system/status") == {
        "is_calculating": False,
        "started_calculating_at": None,
        "last_calculated_at": None,
        "error_message": None,
        "data_version": 0,
        "unassigned_shipments": 0,
        "awaited_dataset": None,
        "files_with_warning": 0,
        "rejected_share": 0,
        "first_day": None,
        "last_day": None,
        "future_days": {"count": 0, "newest": None},
        "files": {"registered": 0, "loading": 0, "loaded": 0, "failed": 0, "unrecognised": 0, "unloaded": 0},
        "records": {"read": 0, "loaded": 0, "superseded": 0, "rejected": 0},
        "open_incidents": 0,
        "open_proposals": 0,
        "contracts_problem": None,
    }


def test_status_after_a_refresh(api: Any, database_url: str, store: Callable[..., None]) -> None:
    store(
        database_url,
        vehicle_logs=[("L1", "V1", "2024-02-03", 1, 1), ("L2", "V1", "2024-05-06", 1, 1)],
        shipments=[(f"S{n}", "A", "B", 1, 1, 1, log_id) for n, log_id in enumerate(["L1", "L2", "L9", "L8"])],
    )
    refresh(database_url)
    status = api.get("/api/system/status")
    assert status["data_version"] == 1
    assert (status["unassigned_shipments"], status["awaited_dataset"]) == (2, "vehicle_logs")
    assert (status["first_day"], status["last_day"]) == ("2024-02-03", "2024-05-06")
    calculated = datetime.fromisoformat(status["last_calculated_at"])
    assert calculated.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - calculated) < timedelta(minutes=1)
    assert status["started_calculating_at"] is None


def test_one_log_of_2080_does_not_become_the_last_day(
    api: Any, database_url: str, store: Callable[..., None], wait_until: Callable[..., None]
) -> None:
    """As after the week rollover of a GPS receiver: ranges that end at the last day would be empty."""
    store(database_url, vehicle_logs=[("L1", "V1", "2024-02-03", 1, 1), ("L2", "V1", "2080-01-06", 1, 1)])
    refresh(database_url)
    status = api.get("/api/system/status")
    assert (status["first_day"], status["last_day"]) == ("2024-02-03", "2024-02-03")
    assert status["future_days"] == {"count": 1, "newest": "2080-01-06"}
    freshness = api.app.state.database.freshness
    wait_until(lambda: freshness.published is not None and freshness.published.data_version == 1)
    summary = api.get("/api/figures/summary", start="2080-01-01", end="2080-01-31")
    assert summary["last_day"] == "2024-02-03"
    assert summary["current"]["active_vehicles"] == 1, "figures stay exact for any range"


def test_if_every_day_is_in_the_future_the_newest_is_the_last(
    api: Any, database_url: str, store: Callable[..., None]
) -> None:
    store(database_url, vehicle_logs=[("L1", "V1", "2080-01-05", 1, 1), ("L2", "V1", "2080-01-06", 1, 1)])
    refresh(database_url)
    status = api.get("/api/system/status")
    assert status["last_day"] == "2080-01-06"
    assert status["future_days"] == {"count": 2, "newest": "2080-01-06"}


def test_times_are_utc_whatever_the_server_thinks(database_url: str, serve: Any) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'")
        connection.execute(f"ALTER DATABASE {name} SET datestyle = 'SQL, DMY'")
        connection.execute("UPDATE analytics.status SET last_calculated_at = '2024-01-01T00:00:00.25Z'")
    with serve(database_url) as api:
        assert api.get("/api/system/status")["last_calculated_at"] == "2024-01-01T00:00:00.25+00:00"


def test_files_are_counted_by_the_state_of_their_latest_version(api: Any, database_url: str) -> None:
    files = [
        ("shipments", "a.json", 1, "failed", 10, 4, 5, 1),
        ("shipments", "a.json", 2, "loaded", 20, 20, 0, 0),
        ("shipments", "b.json", 1, "loaded", 7, 7, 0, 0),
        ("shipments", "b.json", 2, "registered", 0, 0, 0, 0),
        ("vehicles", "c.json", 1, "loading", 3, 1, 1, 1),
        ("vehicles", "d.json", 9, "failed", 2, 0, 0, 2),
        ("vehicles", "d.json", 10, "loaded", 2, 2, 0, 0),
        (None, "e.txt", 1, "unrecognised", 0, 0, 0, 0),
        ("vehicles", "f.json", 1, "unloaded", 0, 0, 0, 0),
    ]
    with psycopg.connect(database_url) as connection:
        connection.cursor().executemany(
            "INSERT INTO ingest.files (dataset, path, version, state, records_read, records_loaded, "
            "records_superseded, records_rejected, size_bytes, modified_ns) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1, 1)",
            files,
        )
    status = api.get("/api/system/status")
    assert status["files"] == {
        "registered": 1,
        "loading": 1,
        "loaded": 2,
        "failed": 0,
        "unrecognised": 1,
        "unloaded": 1,
    }
    assert status["records"] == {"read": 44, "loaded": 34, "superseded": 6, "rejected": 4}


def test_a_running_refresh_shows_and_a_killed_one_does_not(
    api: Any, database_url: str, wait_until: Callable[..., None]
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE analytics.status SET started_calculating_at = '2024-05-06 07:08:09+00'")
    assert api.get("/api/system/status")["is_calculating"] is False
    command = [sys.executable, "-c", HOLD_LOCK, database_url, REFRESH_LOCK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        status = api.get("/api/system/status")
        assert status["is_calculating"] is True
        assert status["started_calculating_at"] == "2024-05-06T07:08:09+00:00"
        process.kill()
    wait_until(lambda: not api.get("/api/system/status")["is_calculating"])
    assert api.get("/api/system/status")["started_calculating_at"] is None


def test_locks_that_are_not_the_refresh_do_not_show(api: Any, database_url: str, new_database: Any) -> None:
    key = "hashtextextended('logistics refresh', 0)"
    halves = f"({key} >> 32)::int, (({key} << 32) >> 32)::int"
    with (
        new_database() as elsewhere,
        closing(psycopg.connect(elsewhere)) as other,
        closing(psycopg.connect(database_url)) as here,
    ):
        other.execute(f"SELECT pg_advisory_lock({key})")  # another database of the server
        here.execute(f"SELECT pg_advisory_lock({key} + 1)")
        here.execute(f"SELECT pg_advisory_lock({key} + (1::bigint << 32))")
        here.execute(f"SELECT pg_advisory_lock({halves})")  # the same bits as a pair of numbers: another kind of key
        assert api.get("/api/system/status")["is_calculating"] is False
        here.execute(f"SELECT pg_advisory_lock({key})")
        assert api.get("/api/system/status")["is_calculating"] is True


def test_a_failed_refresh_says_why(api: Any, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE analytics.status SET error_message = 'disk \"full\"'")
    assert api.get("/api/system/status")["error_message"] == 'disk "full"'
