"""Every check made to pass and made to fail, on real tables."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline import ledger
from logistics_pipeline.analytics import checks
from logistics_pipeline.analytics.checks import (
    Finding,
    Severity,
    all_checks,
    ledger_states,
    recomputation,
    run_checks,
    snapshot,
)
from logistics_pipeline.analytics.checks.recomputation import OTHER_DAYS, RECENT_DAYS, sample_days
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.tables import DAILY_TABLES, TABLES
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.database.table_metadata import columns_of, row_count
from logistics_pipeline.errors import TransientError
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_lines, log, shipment, vehicle

CHECKS = all_checks(built_in_catalogue(), RejectThreshold.parse("1%"))

Look = Callable[..., Finding]


@pytest.fixture
def look(database_url: str) -> Look:
    """Runs one check by its table and name."""

    def run(table: str, name: str, *, whole: bool = False) -> Finding:
        (check,) = (check for check in CHECKS if (f"{check.schema}.{check.table}", check.name) == (table, name))
        ((_, finding),) = run_checks(database_url, [check], whole=whole)
        return finding

    return run


FILES = {
    "vehicles.json": [vehicle(number) for number in range(3)],
    "vehicle_logs.json": [log(number) for number in range(28)],
    "shipments.json": [shipment(number, log_id=f"l{number % 28}") for number in range(84)],
}
"""What `filled` has loaded: `filled_template` takes it from here."""


@pytest.fixture
def filled(raw_folder: FolderUnderTest) -> FolderUnderTest:
    """Figures of 28 days that are up to date."""
    for name, records in FILES.items():
        raw_folder.drop(name, records)
    return raw_folder


def error(finding: Finding) -> str:
    assert (finding.passed, finding.severity) == (False, Severity.ERROR), finding
    return finding.sentence


def warning(finding: Finding) -> str:
    assert (finding.passed, finding.severity) == (False, Severity.WARN), finding
    return finding.sentence


# -- all of them ---------------------------------------------------------------------------------------------------


def test_every_table_has_its_checks() -> None:
    found = {(f"{check.schema}.{check.table}", check.name) for check in CHECKS}
    of_raw = {
        "rows_present",
        "balance_per_file",
        "no_failed_files",
        "schema_drift",
        "null_share",
        "few_rejects",
        "good_quality",
    }
    assert found == (
        {(dataset.table, name) for dataset in built_in_catalogue().values() for name in of_raw}
        | {(f"analytics.{table}", "aggregates_match_raw") for table in DAILY_TABLES}
        | {(f"analytics.{table}", "all_taken_in") for table in (*TABLES, "rollups")}
        | {
            ("analytics.rollups", "rollups_match_records"),
            ("analytics.daily_routes", "unassigned_shipments"),
            ("analytics.days", "no_unrecognised_files"),
            ("analytics.days", "no_future_days"),
            ("analytics.days", "routes_and_vehicles_agree"),
            ("analytics.routes", "totals_match_days"),
            ("analytics.vehicle_numbers", "every_vehicle_has_a_number"),
        }
    )
    assert len(found) == len(CHECKS)
    assert all(check.description for check in CHECKS)


def test_a_rollup_that_differs_from_the_records_is_an_error_unless_it_waits_for_a_refresh(
    filled: FolderUnderTest, look: Look, connection: Connection
) -> None:
    assert look("analytics.rollups", "rollups_match_records").figures["datasets_compared"] == 3
    connection.execute('UPDATE rollups.shipments_1 SET "rows()" = "rows()" + 1')
    connection.execute('UPDATE rollups.vehicles_1 SET "rows()" = "rows()" + 1')

    finding = look("analytics.rollups", "rollups_match_records", whole=True)

    assert "2 pre-aggregates differ from the records, first shipments_1 of shipments" in error(finding)
    assert {each["dataset"] for each in finding.figures["differences"]} == {"shipments", "vehicles"}
    filled.drop_and_load("vehicles/more.json", [vehicle(7)])
    finding = look("analytics.rollups", "rollups_match_records", whole=True)
    assert [each["dataset"] for each in finding.figures["differences"]] == ["shipments"]


def test_a_file_that_belongs_to_no_dataset_is_a_warning_until_it_is_dismissed(
    filled: FolderUnderTest, look: Look, connection: Connection
) -> None:
    assert look("analytics.days", "no_unrecognised_files").passed
    entry = ledger.register(connection, filled.drop("invoices.json", b"[]"))

    finding = look("analytics.days", "no_unrecognised_files")

    assert "1 file belongs to no dataset and so to no figure: invoices.json." in warning(finding)
    assert ledger.dismiss(connection, entry.file_id)
    assert look("analytics.days", "no_unrecognised_files").passed


def test_a_loaded_file_with_many_rejects_is_a_warning(filled: FolderUnderTest, look: Look) -> None:
    assert look("raw.vehicles", "few_rejects").passed
    bad = [vehicle(number, total_mileage=-1) for number in range(10, 14)]
    filled.drop_and_load("vehicles/bad.json", [*(vehicle(number) for number in range(20, 26)), *bad])
    few = [*(vehicle(number) for number in range(30, 229)), {"vehicle_id": 7}]
    filled.drop_and_load("vehicles/few.json", few)

    finding = look("raw.vehicles", "few_rejects")

    assert "1 loaded file has more rejects than 1% of the records read; the most in vehicles/bad.json: 4 of 10" in (
        warning(finding)
    )
    assert finding.figures["files"] == [{"file": "vehicles/bad.json", "read": 10, "rejected": 4}]
    assert finding.figures["files_with_many_rejects"] == 1
    filled.drop_and_load("vehicles/bad.json", [vehicle(number) for number in range(20, 26)])
    assert look("raw.vehicles", "few_rejects").passed


@pytest.mark.parametrize("whole", [False, True])
def test_all_checks_pass_on_what_is_loaded_and_refreshed(filled: FolderUnderTest, whole: bool) -> None:
    found = run_checks(filled.url, CHECKS, whole=whole)

    assert [(check.full_name, finding.sentence) for check, finding in found if not finding.passed] == []


def test_checks_change_nothing_and_leave_nothing_behind(filled: FolderUnderTest, connection: Connection) -> None:
    def state() -> list[tuple[Any, ...]]:
        return connection.execute(
            "SELECT (SELECT count(*) FROM pg_class), (SELECT data_version FROM analytics.status), "
            "(SELECT sum(hashtext(t::text)) FROM analytics.daily_routes AS t)"
        ).fetchall()

    before = state()
    run_checks(filled.url, CHECKS, whole=True)
    assert state() == before


def test_on_an_empty_database_nothing_is_wrong_but_nothing_is_there(database_url: str) -> None:
    refresh(database_url)

    found = {check.full_name: finding for check, finding in run_checks(database_url, CHECKS)}

    not_passed = {name for name, finding in found.items() if not finding.passed}
    assert not_passed == {f"{dataset.table} rows_present" for dataset in built_in_catalogue().values()}
    assert not any(finding.is_error for finding in found.values())


def test_a_database_that_is_away_is_a_transient_error(database_url: str) -> None:
    with pytest.raises(TransientError, match="Cannot connect"):
        run_checks(with_database(database_url, "no_such_database"), CHECKS)


def test_figures_are_numbers_texts_and_plain_lists_that_dagster_and_json_can_show(filled: FolderUnderTest) -> None:
    filled.drop_and_load("shipments/bad.json", b"no json")
    for _, finding in run_checks(filled.url, CHECKS):
        assert all(isinstance(value, int | float | str | list) for value in finding.figures.values())


# -- rows ----------------------------------------------------------------------------------------------------------


def test_an_empty_table_is_an_error_only_where_files_have_loaded_rows(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    assert look("raw.shipments", "rows_present").figures == {"records_loaded": 84}

    connection.execute("TRUNCATE raw.shipments")
    assert "84" in error(look("raw.shipments", "rows_present"))

    connection.execute("DELETE FROM ingest.files WHERE dataset = 'shipments'")
    assert "Nothing is loaded" in warning(look("raw.shipments", "rows_present"))


def test_rows_that_no_file_has_loaded_are_an_error(filled: FolderUnderTest, connection: Connection, look: Look) -> None:
    connection.execute("DELETE FROM ingest.files WHERE dataset = 'vehicles'")

    assert "no file" in error(look("raw.vehicles", "rows_present"))


def test_a_measure_that_the_newest_rows_lack_is_a_warning(filled: FolderUnderTest, look: Look) -> None:
    assert look("raw.shipments", "null_share").figures["weight_null_percent"] == 0.0

    filled.drop_and_load("shipments/2.json", [shipment(number, weight=None) for number in range(100, 300)])

    finding = look("raw.shipments", "null_share")
    assert "weight is missing in 70.4 %" in warning(finding)
    assert "cost" not in finding.sentence
    assert finding.figures["cost_null_percent"] == 0.0


def test_a_measure_that_vanishes_from_a_large_table_is_noticed_though_most_rows_have_it(
    filled: FolderUnderTest, connection: Connection, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.rows, "SAMPLE_PAGES", 10)
    insert = (
        "INSERT INTO raw.vehicle_logs SELECT %(prefix)s || n, 'v1', '2024-01-01', %(mileage)s, 1, 1, n "
        "FROM generate_series(1, %(rows)s) AS n"
    )
    connection.execute(insert, {"prefix": "many", "mileage": 5, "rows": 20_000})
    assert look("raw.vehicle_logs", "null_share").passed
    connection.execute(insert, {"prefix": "new", "mileage": None, "rows": 400})

    finding = look("raw.vehicle_logs", "null_share")

    assert "mileage" in warning(finding)
    assert finding.figures["newest_rows"] < 2_000, "a sample, not the table"
    assert finding.figures["sampled_rows"] < 10_000, "a sample, not the table"
    assert look("raw.vehicle_logs", "null_share") == finding, "the same sample for the same table"
    assert look("raw.vehicle_logs", "null_share", whole=True).figures["sampled_rows"] == 20_428


# -- files ---------------------------------------------------------------------------------------------------------


def test_an_account_that_does_not_balance_is_an_error(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    balanced = look("raw.shipments", "balance_per_file")
    assert (balanced.figures["records_read"], balanced.figures["records_loaded"]) == (84, 84)

    connection.execute("ALTER TABLE ingest.files DROP CONSTRAINT balance")
    connection.execute("UPDATE ingest.files SET records_read = 85 WHERE dataset = 'shipments'")

    assert "shipments.json" in error(look("raw.shipments", "balance_per_file"))
    assert look("raw.vehicles", "balance_per_file").passed


def test_a_reject_that_is_not_kept_is_an_error(filled: FolderUnderTest, connection: Connection, look: Look) -> None:
    filled.drop_and_load("shipments/2.json", [shipment(500, weight=-1), shipment(501, cost=-1), shipment(502)])
    assert look("raw.shipments", "balance_per_file").figures["records_rejected"] == 2

    connection.execute("DELETE FROM ingest.rejects WHERE record_no = 1")

    assert "shipments/2.json: 2 rejected by its account, 1 kept" in error(look("raw.shipments", "balance_per_file"))


def test_a_row_that_is_gone_is_found_when_all_rows_are_counted(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    connection.execute("DELETE FROM raw.shipments WHERE shipment_id = 's7'")

    assert look("raw.shipments", "balance_per_file").passed
    told = error(look("raw.shipments", "balance_per_file", whole=True))
    assert "shipments.json: 84 loaded by its account, 83 in raw.shipments" in told


def test_rows_of_a_file_that_the_ledger_does_not_know_are_found_when_all_rows_are_counted(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    connection.execute("UPDATE raw.vehicles SET file_id = 4711 WHERE vehicle_id = 'v1'")

    assert "a file the ledger does not know" in error(look("raw.vehicles", "balance_per_file", whole=True))


def test_a_failed_file_is_an_error_until_it_is_mended(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    assert ledger_states(connection) == {}
    filled.drop_and_load("shipments/bad.json", as_lines([shipment(900)])[:-9])

    finding = look("raw.shipments", "no_failed_files")
    assert "1 file is failed and not loaded again: shipments/bad.json" in error(finding)
    (file,) = finding.figures["files"]
    assert file["file"] == "shipments/bad.json" and "record 1" in file["error"]
    assert look("raw.vehicles", "no_failed_files").passed
    first = ledger_states(connection)
    assert set(first) == {"shipments"}

    filled.drop_and_load("shipments/worse.json", b"{")
    assert "2 files are failed" in error(look("raw.shipments", "no_failed_files"))
    assert ledger_states(connection) != first

    filled.drop_and_load("shipments/bad.json", [shipment(900)])
    filled.drop_and_load("shipments/worse.json", [shipment(901)])
    assert look("raw.shipments", "no_failed_files").passed
    assert ledger_states(connection) == {}


def test_of_many_failed_files_some_are_named_and_all_counted(filled: FolderUnderTest, look: Look) -> None:
    for number in range(25):
        filled.drop_and_load(f"shipments/{number}.json", b"{")

    finding = look("raw.shipments", "no_failed_files")

    assert "25 files are failed" in error(finding)
    assert (finding.figures["failed_files"], len(finding.figures["files"])) == (25, 20)


def test_fields_that_appear_or_vanish_are_a_warning(filled: FolderUnderTest, look: Look) -> None:
    def deliver(name: str, **fields: Any) -> Finding:
        filled.drop_and_load(name, [vehicle(1, **fields)])
        return look("raw.vehicles", "schema_drift")

    assert look("raw.vehicles", "schema_drift").passed, "one file drifts from nothing"
    assert "colour appeared in vehicles/2.json" in warning(deliver("vehicles/2.json", colour="red"))
    for number in range(3, 15):
        assert warning(deliver(f"vehicles/{number}.json", colour="red")), "however many files come at once"
    with connect(filled.url) as connection:
        connection.execute("UPDATE ingest.files SET finished_at = finished_at - interval '4 days'")
    finding = deliver("vehicles/15.json", colour="red")
    assert finding.passed, "then it is usual"
    assert finding.figures["unknown_fields"] == ["colour"]


def test_a_usual_unknown_field_that_the_newest_file_lacks_is_a_warning(filled: FolderUnderTest, look: Look) -> None:
    filled.drop_and_load("vehicle_logs/1.json", [log(1)])
    for number in range(2, 5):
        filled.drop_and_load(f"shipments/{number}.json", [shipment(1, carrier="x")])
    assert "carrier appeared" in warning(look("raw.shipments", "schema_drift"))

    assert look("raw.vehicle_logs", "schema_drift").passed


def test_a_field_that_all_earlier_files_had_is_missed(raw_folder: FolderUnderTest, look: Look) -> None:
    for number in range(4):
        raw_folder.drop_and_load(f"shipments/{number}.json", [shipment(1, carrier="x")])
    assert look("raw.shipments", "schema_drift").passed

    raw_folder.drop_and_load("shipments/last.json", [shipment(1)])

    assert "carrier is missing since shipments/last.json" in warning(look("raw.shipments", "schema_drift"))


# -- figures -------------------------------------------------------------------------------------------------------


def test_shipments_without_a_log_are_a_warning_if_they_are_many(filled: FolderUnderTest, look: Look) -> None:
    filled.drop_and_load("shipments/2.json", [shipment(100, log_id="unknown")])
    refresh(filled.url)
    finding = look("analytics.daily_routes", "unassigned_shipments")
    assert (finding.passed, finding.figures["unassigned_shipments"]) == (True, 1)

    filled.drop_and_load("shipments/3.json", [shipment(number, log_id="unknown") for number in range(101, 106)])
    refresh(filled.url)

    finding = look("analytics.daily_routes", "unassigned_shipments")
    assert "6 shipments wait for a log" in warning(finding)
    assert finding.figures["unassigned_percent"] == pytest.approx(100 * 6 / 90, abs=0.01)


def test_dates_in_the_future_are_a_warning(filled: FolderUnderTest, look: Look) -> None:
    assert look("analytics.days", "no_future_days").passed

    filled.drop_and_load("vehicle_logs/2.json", [log(100, trip_date="2080-01-06"), log(101, trip_date="2079-12-31")])
    refresh(filled.url)

    finding = look("analytics.days", "no_future_days")
    assert "2 trips are dated in the future, on 2 days up to 2080-01-06" in warning(finding)
    assert finding.figures == {"future_days": 2, "trips": 2, "newest_day": "2080-01-06"}


def test_rows_that_wait_too_long_for_a_refresh_are_a_warning_then_an_error(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    filled.drop_and_load("vehicle_logs/2.json", [log(100)])
    assert look("analytics.daily_vehicles", "all_taken_in").passed

    def wait(minutes: int) -> None:
        connection.execute(
            "UPDATE ingest.batches SET committed_at = clock_timestamp() - %s WHERE refreshed_as IS NULL",
            (timedelta(minutes=minutes),),
        )

    wait(20)
    assert "20 minutes" in warning(look("analytics.daily_vehicles", "all_taken_in"))
    wait(200)
    assert "refresh_analytics_job" in error(look("analytics.daily_vehicles", "all_taken_in"))
    refresh(filled.url)
    assert look("analytics.daily_vehicles", "all_taken_in").passed


CORRUPTIONS = {
    "a wrong sum": "UPDATE analytics.{} SET cost_sum = cost_sum + 1 WHERE day = '2024-01-09'",
    "a missing row": "DELETE FROM analytics.{} WHERE day = '2024-01-09'",
    "a row of nothing": "INSERT INTO analytics.{0} SELECT (jsonb_populate_record(t, "
    """'{{"day": "2024-02-09"}}')).* FROM analytics.{0} AS t WHERE day = '2024-01-09'""",
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("table", DAILY_TABLES)
def test_figures_that_are_not_what_the_raw_rows_give_are_an_error(
    filled: FolderUnderTest, connection: Connection, look: Look, table: str, corruption: str
) -> None:
    connection.execute(CORRUPTIONS[corruption].format(table).encode())

    finding = look(f"analytics.{table}", "aggregates_match_raw", whole=True)

    (difference,) = finding.figures["differences"]
    assert difference["day"] == ("2024-02-09" if corruption == "a row of nothing" else "2024-01-09")
    assert "on 1 of every day" in error(finding) and difference["day"] in finding.sentence


def test_a_row_that_is_there_twice_is_an_error(filled: FolderUnderTest, connection: Connection, look: Look) -> None:
    connection.execute("ALTER TABLE analytics.daily_routes DROP CONSTRAINT daily_routes_pkey")
    connection.execute(
        "INSERT INTO analytics.daily_routes SELECT * FROM analytics.daily_routes WHERE day = '2024-01-03' LIMIT 1"
    )

    assert "2024-01-03" in error(look("analytics.daily_routes", "aggregates_match_raw", whole=True))


@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE analytics.routes SET shipments = shipments + 1",
        "UPDATE analytics.routes SET delivery_sum = 0",
        "UPDATE analytics.daily_routes SET route = -1",
        "DELETE FROM analytics.routes",
    ],
)
def test_all_time_sums_that_are_not_those_of_their_days_are_an_error(
    filled: FolderUnderTest, connection: Connection, look: Look, corruption: str
) -> None:
    assert look("analytics.routes", "totals_match_days").passed
    connection.execute(f"{corruption} WHERE origin = 'origin 1' AND destination = 'destination 2'".encode())

    assert "origin 1 to destination 2" in error(look("analytics.routes", "totals_match_days"))
    refresh(filled.url, full=True)
    assert look("analytics.routes", "totals_match_days").passed


def test_a_vehicle_without_a_number_is_an_error_and_a_gap_too(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    assert look("analytics.vehicle_numbers", "every_vehicle_has_a_number").figures["numbers"] == 3

    connection.execute("UPDATE analytics.vehicle_numbers SET number = 17 WHERE vehicle_id = 'v1'")
    assert "up to 17 instead of 2" in error(look("analytics.vehicle_numbers", "every_vehicle_has_a_number"))
    connection.execute("DELETE FROM analytics.vehicle_numbers WHERE vehicle_id = 'v1'")
    assert "first v1" in error(look("analytics.vehicle_numbers", "every_vehicle_has_a_number"))


@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE analytics.days SET cost_sum = cost_sum + 1 WHERE day = '2024-01-03'",
        "UPDATE analytics.days SET carrier_set = '' WHERE day = '2024-01-03'",
        "UPDATE analytics.days SET vehicle_set = '' WHERE day = '2024-01-03'",
        "UPDATE analytics.daily_vehicles SET shipments = 0 WHERE day = '2024-01-03'",
        "UPDATE analytics.daily_routes SET vehicles = '' WHERE day = '2024-01-03'",
        "DELETE FROM analytics.daily_vehicles WHERE day = '2024-01-03'",
        "DELETE FROM analytics.daily_routes WHERE day = '2024-01-03'",
        "DELETE FROM analytics.days WHERE day = '2024-01-03'",
    ],
)
def test_a_day_that_is_not_the_same_by_route_and_by_vehicle_is_an_error(
    filled: FolderUnderTest, connection: Connection, look: Look, corruption: str
) -> None:
    connection.execute(corruption.encode())

    finding = look("analytics.days", "routes_and_vehicles_agree", whole=True)

    assert finding.figures["days"] == ["2024-01-03"]
    assert "on 1 of every day compared (2024-01-03)" in error(finding)


def test_the_sample_finds_what_is_wrong_with_a_day_refreshed_last(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    filled.drop_and_load("vehicle_logs/2.json", [log(100, trip_date="2024-01-20")])
    refresh(filled.url)
    assert look("analytics.daily_vehicles", "aggregates_match_raw").passed

    connection.execute("UPDATE analytics.daily_vehicles SET trips = trips + 1 WHERE day = '2024-01-20'")

    finding = look("analytics.daily_vehicles", "aggregates_match_raw")
    assert "2024-01-20" in error(finding)
    assert finding.figures["days_compared"] <= RECENT_DAYS + OTHER_DAYS


def days_sampled(connection: Connection, seed: int) -> list[date]:
    with snapshot(connection):
        return sample_days(connection, seed, date(2024, 1, 1), date(2024, 1, 28))


def test_the_days_refreshed_last_are_in_every_sample_whatever_made_them_stale(
    filled: FolderUnderTest, connection: Connection
) -> None:
    def refreshed_after(name: str, records: list[Any]) -> None:
        filled.drop_and_load(name, records)
        assert refresh(filled.url).days
        row = connection.execute("SELECT data_version FROM analytics.status").fetchone()
        assert row is not None
        sampled.append(days_sampled(connection, row[0]))

    sampled: list[list[date]] = []
    refreshed_after("vehicle_logs/2.json", [log(100, trip_date="2024-01-20")])
    refreshed_after("vehicle_logs/3.json", [log(100, trip_date="2024-02-20")])  # it leaves the 20th
    refreshed_after("shipments/2.json", [shipment(100, log_id="l5")])  # of the 6th
    refreshed_after("shipments/3.json", [shipment(100, log_id="l8")])  # from the 6th to the 9th

    assert date(2024, 1, 20) in sampled[0]
    assert {date(2024, 1, 20), date(2024, 2, 20)} <= set(sampled[1])
    assert date(2024, 1, 6) in sampled[2]
    assert {date(2024, 1, 6), date(2024, 1, 9)} <= set(sampled[3])


def test_a_sample_is_the_same_for_the_same_data_version_and_another_for_others(
    filled: FolderUnderTest, connection: Connection
) -> None:
    samples = [days_sampled(connection, seed) for seed in range(20)]

    assert samples == [days_sampled(connection, seed) for seed in range(20)]
    assert all(0 < len(sample) <= RECENT_DAYS + OTHER_DAYS and sample == sorted(set(sample)) for sample in samples)
    assert len({day for sample in samples for day in sample}) > 20, "in time every day is looked at"


def test_a_sample_holds_few_days_if_they_are_large(
    filled: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.drop_and_load("vehicle_logs/2.json", [log(number) for number in range(100, 110)])
    refresh(filled.url)
    monkeypatch.setattr(recomputation, "MAX_ROWS", 9)

    assert 1 <= len(days_sampled(connection, 1)) <= 2


def test_days_that_wait_for_a_refresh_are_no_differences(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    filled.drop_and_load("vehicle_logs/2.json", [log(8, mileage=1, fuel_used=None)])  # of the 9th
    filled.drop_and_load("shipments/2.json", [shipment(8, cost=1, log_id="l9")])  # from the 9th to the 10th

    for table in ("daily_routes", "daily_vehicles"):
        finding = look(f"analytics.{table}", "aggregates_match_raw", whole=True)
        assert finding.passed and finding.figures["days_stale"] >= 1, finding

    connection.execute("UPDATE analytics.daily_vehicles SET trips = trips + 1 WHERE day = '2024-01-15'")
    finding = look("analytics.daily_vehicles", "aggregates_match_raw", whole=True)
    assert "on 1 of every day compared (2024-01-15)" in error(finding)


def test_while_every_day_waits_to_be_computed_there_is_nothing_to_compare(
    filled: FolderUnderTest, connection: Connection, look: Look
) -> None:
    connection.execute("UPDATE analytics.status SET full_refresh_due = true")
    connection.execute("TRUNCATE analytics.daily_routes")

    for check in CHECKS:
        if check.name in {
            "aggregates_match_raw",
            "every_vehicle_has_a_number",
            "routes_and_vehicles_agree",
            "totals_match_days",
        }:
            assert "Not compared" in look(f"{check.schema}.{check.table}", check.name).sentence


def test_a_refresh_in_the_middle_of_a_check_does_not_disturb_it(
    filled: FolderUnderTest, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = recomputation.compute

    def refresh_first(*arguments: Any, **keywords: Any) -> None:
        monkeypatch.undo()
        filled.drop_and_load("vehicle_logs/2.json", [log(number, mileage=1) for number in range(28)])
        refresh(filled.url)
        compute(*arguments, **keywords)

    monkeypatch.setattr(recomputation, "compute", refresh_first)
    assert look("analytics.daily_vehicles", "aggregates_match_raw", whole=True).passed
    assert look("analytics.daily_vehicles", "aggregates_match_raw", whole=True).passed


# -- what is shown beside them -------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_tables_describe_their_columns_and_count_their_rows(
    filled: FolderUnderTest, connection: Connection, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = columns_of(connection, "analytics", table)
    assert any(column.is_key and not column.is_nullable for column in columns)
    assert [column.name for column in columns if not column.comment] == []
    assert (columns[0].name, columns[0].type) == ("day", "date") or table not in DAILY_TABLES
    counted = row_count(connection, "analytics", table)
    assert connection.execute(f"SELECT count(*) FROM analytics.{table}".encode()).fetchone() == (counted,)

    connection.execute(f"ANALYZE analytics.{table}".encode())
    monkeypatch.setattr("logistics_pipeline.database.table_metadata.COUNTED_BYTES", 0)
    assert row_count(connection, "analytics", table) == counted
