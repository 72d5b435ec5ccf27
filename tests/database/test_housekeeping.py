"""Housekeeping of the ledger: what goes, what stays, and that nobody notices."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.housekeeping import Housekeeping, Retention, files_closed_long_ago, run_housekeeping
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects.replay import replay_stored
from tests.database.conftest import Contents, FolderUnderTest

Read = Callable[[], Contents]

ALL_DETAIL = Retention(batches_days=10_000, resolved_rejects_days=None)
A_MONTH = Retention(batches_days=30, resolved_rejects_days=30)


def logs(first: int, count: int, **values: object) -> list[dict[str, object]]:
    """Trips on several days, so that batches differ in the days they made stale."""
    return [
        {"log_id": f"L{n}", "vehicle_id": "V1", "trip_date": f"2024-03-{1 + n % 28:02}", **values}
        for n in range(first, first + count)
    ]


def age(connection: Connection, days: int) -> None:
    """Makes everything in the ledger so much older."""
    for column in ("registered_at", "started_at", "finished_at"):
        connection.execute(f"UPDATE ingest.files SET {column} = {column} - make_interval(days => %s)".encode(), (days,))
    connection.execute("UPDATE ingest.batches SET committed_at = committed_at - make_interval(days => %s)", (days,))
    connection.execute("UPDATE ingest.rejects SET resolved_at = resolved_at - make_interval(days => %s)", (days,))


def batches(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT file_id, last_record, records, merged, refreshed_as FROM ingest.batches ORDER BY 1, 2 NULLS LAST"
    ).fetchall()


def day_first(raw_folder: FolderUnderTest) -> LoadOptions:
    """Options by which dates such as 02/03/2024 are accepted."""
    return replace(raw_folder.options, date_order="dmy")


def keep(raw_folder: FolderUnderTest, retention: Retention = A_MONTH) -> Housekeeping:
    return run_housekeeping(raw_folder.url, retention)


def test_old_batches_of_a_file_become_one_row_with_their_sums(
    raw_folder: FolderUnderTest, connection: Connection, contents: Read
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", logs(0, 20))
    raw_folder.drop_and_load("vehicle_logs/2.json", logs(10, 25))
    refresh(raw_folder.url)
    raw_folder.drop_and_load("vehicle_logs/3.json", logs(100, 3))
    refresh(raw_folder.url)
    age(connection, 31)
    before = contents()

    done = keep(raw_folder)

    assert done.batches_removed == 5  # of 3 and 4 batches of at most seven records
    assert batches(connection) == [(1, 20, 20, False, 1), (2, 25, 25, True, 1), (3, 3, 3, False, 2)]
    assert contents() == before
    assert keep(raw_folder).batches_removed == 0


def test_what_is_summed_up_keeps_its_place_among_the_batches(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    """Who looks for the batches of the newest figures looks at the highest numbers."""
    for number in range(3):
        raw_folder.drop_and_load(f"vehicle_logs/{number}.json", logs(number * 100, 20))
        refresh(raw_folder.url)
    age(connection, 31)
    keep(raw_folder)
    in_order = connection.execute("SELECT file_id, refreshed_as FROM ingest.batches ORDER BY batch_id").fetchall()
    assert in_order == [(1, 1), (2, 2), (3, 3), (3, 3), (3, 3)]


def test_young_batches_and_those_of_the_newest_figures_stay(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", logs(0, 20))
    refresh(raw_folder.url)
    age(connection, 31)
    assert keep(raw_folder).batches_removed == 0, "the newest figures came from these"

    raw_folder.drop_and_load("vehicle_logs/2.json", logs(100, 20))
    refresh(raw_folder.url)
    assert keep(raw_folder).batches_removed == 2, "those of the first file are no longer the newest"
    assert [row[:2] for row in batches(connection)] == [(1, 20), (2, 7), (2, 14), (2, 20)]


def test_batches_that_wait_for_a_refresh_stay_however_old_they_are(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", logs(0, 20))
    age(connection, 400)
    assert keep(raw_folder).batches_removed == 0
    assert refresh(raw_folder.url).batches == 3


def test_figures_of_later_loads_are_exact_after_compaction(raw_folder: FolderUnderTest, connection: Connection) -> None:
    raw_folder.drop_and_load("vehicle_logs/1.json", logs(0, 20, mileage=1))
    raw_folder.drop_and_load("shipments/1.json", shipments(20))
    refresh(raw_folder.url)
    raw_folder.drop_and_load("vehicles.json", [{"vehicle_id": "V1"}])
    refresh(raw_folder.url)
    age(connection, 31)
    assert keep(raw_folder).batches_removed > 0

    raw_folder.drop_and_load("vehicle_logs/2.json", logs(5, 5, trip_date="2024-05-01"))  # moves its shipments too
    refresh(raw_folder.url)

    figures = analytics(connection)
    refresh(raw_folder.url, full=True)
    assert analytics(connection) == figures


def shipments(count: int) -> list[dict[str, object]]:
    return [
        {"shipment_id": f"S{n}", "origin": "Lyon", "destination": "Turin", "cost": n, "log_id": f"L{n}"}
        for n in range(count)
    ]


def analytics(connection: Connection) -> list[list[tuple[object, ...]]]:
    return [
        connection.execute(f"SELECT * FROM analytics.{table} ORDER BY 1, 2, 3".encode()).fetchall()
        for table in ("daily_routes", "daily_vehicles")
    ]


def test_a_failed_file_resumes_where_it_stood_although_its_batches_were_summed_up(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    found = raw_folder.drop("vehicle_logs.json", [*logs(0, 16), {"log_id": "no vehicle"}, *logs(17, 13)])
    strict = raw_folder.load(found, max_rejects=RejectLimit.parse("0"))
    assert (strict.file.state, strict.file.records_read) == ("failed", 21)
    refresh(raw_folder.url)
    raw_folder.drop_and_load("vehicles.json", [{"vehicle_id": "V1"}])
    refresh(raw_folder.url)
    age(connection, 31)
    assert keep(raw_folder).batches_removed > 0

    report = raw_folder.load(found)

    assert (report.file.state, report.file.records_loaded) == ("loaded", 29)
    total = connection.execute("SELECT sum(records), max(last_record) FROM ingest.batches WHERE file_id = 1").fetchone()
    assert total == (30, 30)


def test_batches_of_replays_are_summed_up_apart_from_those_of_the_load(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", logs(0, 7) + logs(7, 10, trip_date="02/03/2024"))
    replayed = replay_stored(raw_folder.url, day_first(raw_folder))
    assert replayed.loaded == 10
    refresh(raw_folder.url)
    raw_folder.drop_and_load("vehicles.json", [{"vehicle_id": "V1"}])
    refresh(raw_folder.url)
    age(connection, 31)

    assert keep(raw_folder, Retention(30, None)).batches_removed > 0

    assert batches(connection)[:2] == [(1, 17, 17, False, 1), (1, None, 10, True, 1)]


def test_served_requests_go_when_they_are_old_and_pending_ones_never(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", logs(0, 7))
    connection.execute(
        "INSERT INTO ingest.file_requests (action, file_id, requested_by, requested_at, done_at, outcome) VALUES "
        "('retry', 1, 'old', now() - interval '31 days', now() - interval '31 days', 'Done.'), "
        "('retry', 1, 'new', now() - interval '31 days', now() - interval '29 days', 'Done.'), "
        "('unload', 1, 'pending', now() - interval '31 days', NULL, NULL)"
    )

    assert keep(raw_folder, replace(A_MONTH, file_requests_days=32)).requests_deleted == 0
    assert keep(raw_folder, replace(A_MONTH, file_requests_days=30)).requests_deleted == 1

    left = connection.execute("SELECT requested_by FROM ingest.file_requests ORDER BY request_id").fetchall()
    assert left == [("new",), ("pending",)]


def test_served_requests_about_contracts_go_too(raw_folder: FolderUnderTest, connection: Connection) -> None:
    connection.execute(
        "INSERT INTO catalogue.requests (action, dataset, requested_by, requested_at, done_at, outcome) VALUES "
        "('retire', 'fuel', 'old', now() - interval '31 days', now() - interval '31 days', 'Done.'), "
        "('retire', 'fuel', 'new', now() - interval '31 days', now() - interval '29 days', 'Done.'), "
        "('retire', 'fuel', 'pending', now() - interval '31 days', NULL, NULL)"
    )

    assert keep(raw_folder, replace(A_MONTH, file_requests_days=30)).requests_deleted == 1

    left = connection.execute("SELECT requested_by FROM catalogue.requests ORDER BY request_id").fetchall()
    assert left == [("new",), ("pending",)]


def test_jobs_of_models_go_when_they_ended_long_ago(raw_folder: FolderUnderTest, connection: Connection) -> None:
    connection.execute(
        "INSERT INTO models.models (model, dataset, kind, declaration) VALUES ('a.b', 'a', 'duration', '{}')"
    )
    connection.execute(
        "INSERT INTO models.jobs (model, input, rows, requested_by, state, finished_at, requested_at) VALUES "
        "('a.b', '[{}]', 1, 'old', 'cancelled', now() - interval '31 days', now() - interval '31 days'), "
        "('a.b', '[{}]', 1, 'new', 'cancelled', now() - interval '29 days', now() - interval '31 days'), "
        "('a.b', '[{}]', 1, 'waiting', 'queued', NULL, now() - interval '31 days')"
    )
    connection.execute(
        "INSERT INTO models.job_results (job_id, number, output) SELECT job_id, 0, '{}' FROM models.jobs "
        "WHERE requested_by = 'old'"
    )

    assert keep(raw_folder, replace(A_MONTH, file_requests_days=30)).requests_deleted == 1

    left = connection.execute("SELECT requested_by FROM models.jobs ORDER BY 1").fetchall()
    assert left == [("new",), ("waiting",)]


def test_resolved_rejects_go_when_they_are_old_and_unresolved_ones_never(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    bad = [*logs(0, 7), *logs(7, 3, trip_date="02/03/2024"), {"log_id": "no vehicle"}]
    raw_folder.drop_and_load("vehicle_logs.json", bad)
    replay_stored(raw_folder.url, day_first(raw_folder))
    age(connection, 31)
    account = ledger.file_by_id(connection, 1)

    assert keep(raw_folder, Retention(30, None)).rejects_deleted == 0
    assert keep(raw_folder, Retention(30, 60)).rejects_deleted == 0
    assert keep(raw_folder, Retention(30, 30)).rejects_deleted == 3

    (left,) = ledger.rejects(connection, resolved_too=True)
    assert (left.record_no, left.resolved_at) == (11, None)
    after = ledger.file_by_id(connection, 1)
    assert after == account and after.is_balanced and after.records_rejected == 1


def test_what_autovacuum_leaves_alone_is_vacuumed_and_analysed(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    connection.execute("ALTER TABLE raw.vehicle_logs SET (autovacuum_enabled = off)")
    raw_folder.drop_and_load("vehicle_logs.json", logs(0, 50))
    keep(raw_folder)  # whatever was never analysed
    assert keep(raw_folder).vacuumed == []
    connection.execute(
        "INSERT INTO raw.vehicle_logs (log_id, vehicle_id, trip_date, file_id, record_no) "
        "SELECT 'X' || n, 'V1', '2024-03-05', 1, n FROM generate_series(1, 5000) AS n"
    )
    connection.execute("SELECT pg_stat_force_next_flush()")

    assert keep(raw_folder).vacuumed == ["raw.vehicle_logs"]

    rows = connection.execute("SELECT reltuples FROM pg_class WHERE oid = 'raw.vehicle_logs'::regclass").fetchone()
    assert rows == (5050,)


def test_a_table_that_somebody_has_locked_is_not_waited_for(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    with connection.transaction():
        connection.execute("LOCK TABLE raw.vehicles IN ACCESS EXCLUSIVE MODE")
        keep(raw_folder)


def test_housekeeping_runs_beside_loads_and_a_second_one_waits_for_the_first(
    raw_folder: FolderUnderTest, connection: Connection, contents: Read
) -> None:
    for number in range(6):
        raw_folder.drop_and_load(f"vehicle_logs/{number}.json", logs(number * 100, 40))
        refresh(raw_folder.url)
    age(connection, 31)
    removed: list[int] = []
    house = [threading.Thread(target=lambda: removed.append(keep(raw_folder).batches_removed)) for _ in range(3)]
    for thread in house:
        thread.start()
    raw_folder.drop_and_load("vehicle_logs/beside.json", logs(0, 60))
    for thread in house:
        thread.join()

    assert sum(removed) == 5 * 5  # the sixth made the newest figures
    assert connection.execute("SELECT sum(records) FROM ingest.batches").fetchone() == (300,)
    assert all(file.is_balanced for file in ledger.files_in_order(connection))
    assert len(contents().rows["vehicle_logs"]) == 240 + 60 - 40


def test_files_whose_account_is_open_or_young_are_not_closed_long_ago(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs/old.json", logs(0, 1))
    raw_folder.drop_and_load("vehicle_logs/changed.json", logs(1, 1))
    with connect(raw_folder.url) as other:
        ledger.register(other, raw_folder.drop("vehicle_logs/waiting.json", logs(2, 1)))
    age(connection, 91)
    raw_folder.drop_and_load("vehicle_logs/changed.json", logs(3, 2))
    raw_folder.drop_and_load("vehicle_logs/young.json", logs(4, 1))

    assert files_closed_long_ago(connection, 90) == {"vehicle_logs/old.json"}


@pytest.mark.parametrize("retention", [ALL_DETAIL, A_MONTH])
def test_an_empty_database_needs_nothing(database_url: str, retention: Retention) -> None:
    done = run_housekeeping(database_url, retention)
    assert (done.batches_removed, done.rejects_deleted) == (0, 0)
