"""`logistics check`, as a real process: what it prints and how it exits."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from logistics_core.catalogue import Expectations, built_in_catalogue
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.analytics.checks import Severity, all_checks
from logistics_pipeline.analytics.checks.quality import good_quality
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.database.records import log, shipment, vehicle

CHECKS = all_checks(built_in_catalogue(), RejectThreshold.parse("1%"))

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def check(raw_folder: FolderUnderTest) -> Run:
    """Runs the command on a database whose figures are up to date."""
    raw_folder.drop_and_load("vehicles.json", [vehicle(number) for number in range(3)])
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(5)])
    raw_folder.drop_and_load("shipments.json", [shipment(number) for number in range(20)])
    refresh(raw_folder.url)
    data_dir = raw_folder.options.raw_dir.parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
    environment |= {"LOGISTICS_DATABASE_URL": raw_folder.url, "LOGISTICS_DATA_DIR": str(data_dir)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        done = run_command(["check", *arguments], environment, data_dir)
        assert "Traceback" not in done.stderr
        return done

    return run


def test_where_all_is_well_every_check_is_listed_and_the_exit_code_is_0(check: Run) -> None:
    done = check("--all")

    assert (done.returncode, done.stderr) == (0, f"{len(CHECKS)} checks: 0 errors, 0 warnings.\n")
    assert len(done.stdout.splitlines()) == 1 + len(CHECKS)
    assert "Every day compared: the same." in done.stdout


def test_what_is_wrong_makes_the_exit_code_1_and_is_told_to_people_and_programs(
    check: Run, connection: Connection
) -> None:
    connection.execute("UPDATE analytics.daily_routes SET delivery_max = delivery_max + 1")

    done = check("--json")

    assert done.returncode == 1
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    (wrong,) = (document for document in documents if not document["passed"])
    assert (wrong["table"], wrong["check"], wrong["severity"]) == (
        "analytics.daily_routes",
        "aggregates_match_raw",
        "error",
    )
    assert wrong["figures"]["days_differing"] == wrong["figures"]["days_compared"] > 0
    text = check()
    assert text.returncode == 1
    assert "ERROR" in text.stdout and "refresh --full" in text.stdout
    assert "1 error," in text.stderr


def test_a_quality_below_the_floor_of_the_contract_is_a_warning(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    expecting = replace(built_in_catalogue()["vehicles"], expectations=Expectations(quality=Decimal("0.95")))
    assert good_quality(expecting, connection, False).sentence == "Nothing was tested yet."
    raw_folder.drop_and_load("vehicles.json", [vehicle(number) for number in range(4)])
    assert "The quality is 1.0 (q1), the floor is 0.95" in good_quality(expecting, connection, False).sentence
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(5), vehicle(6, total_mileage=-1), vehicle(7, name=8)])

    found = good_quality(expecting, connection, False)

    assert (found.passed, found.severity) == (False, Severity.WARN)
    assert "below the floor of 0.95" in found.sentence
    assert "the worst rule is validity of name: 1 of 6 failed" in found.sentence
    assert found.figures["quality_plausibility"] == pytest.approx(5 / 6, abs=1e-6)
    without_floor = good_quality(built_in_catalogue()["vehicles"], connection, False)
    assert without_floor.passed and "the contract sets no floor" in without_floor.sentence


def test_a_warning_alone_is_no_failure(check: Run, raw_folder: FolderUnderTest) -> None:
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(1, colour="red")])
    refresh(raw_folder.url)

    done = check()

    assert (done.returncode, done.stderr) == (0, f"{len(CHECKS)} checks: 0 errors, 1 warning.\n")
    assert "colour appeared in vehicles/2.json" in done.stdout
