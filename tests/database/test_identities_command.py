"""`logistics identities`, as a real process."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.identities import CONTRACTS, link, payment, position, truck

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def identities(raw_folder: FolderUnderTest) -> Run:
    """Runs the command on an installation with a fleet, payments of six plates and three devices."""
    data_dir = raw_folder.options.raw_dir.parent
    (data_dir / "contracts").mkdir()
    for name, text in CONTRACTS.items():
        (data_dir / "contracts" / f"{name}.yaml").write_text(text)
    catalogue = synced_catalogue(raw_folder.url, data_dir / "contracts")
    records: dict[str, list[dict[str, Any]]] = {
        "fleet.json": [truck(n) for n in range(4)],
        "fuel.json": [payment(n, n % 6, n % 3) for n in range(20)],
        "positions.json": [position(n, label=f"Blue Whale {n}") for n in range(3)],
        "fleet_links.json": [link(0, 0, note="from the leasing papers")],
    }
    for path, each in records.items():
        raw_folder.drop_and_load(path, each, catalogue=catalogue)
    refresh(raw_folder.url)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
    environment |= {"LOGISTICS_DATABASE_URL": raw_folder.url, "LOGISTICS_DATA_DIR": str(data_dir)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        done = run_command(["identities", *arguments], environment, data_dir)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def documents(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_links_are_made_shown_and_undone(identities: Run, connection: Connection) -> None:
    unlinked = documents(identities("unlinked", "--system", "fuelco", "--entity", "fleet", "--json"))
    assert [(each["external_id"], each["records"]) for each in unlinked] == [
        ("W-1231", 4), ("W-1232", 3), ("W-1233", 3), ("W-1234", 3), ("W-1235", 3),
    ]  # fmt: skip
    assert (unlinked[0]["first_day"], unlinked[0]["last_day"]) == ("2024-03-01", "2024-03-03") or unlinked[0][
        "first_day"
    ]

    done = identities("link", "fleet", "fuelco", "W-1234", "TRUCK-00", "--reason", "spare card", "--refresh")
    assert done.returncode == 0 and "up to date" in done.stderr
    (shown,) = documents(identities("show", "fleet", "TRUCK-00", "--json"))
    assert [(each["external_id"], each["reason"]) for each in shown["ids"]] == [
        ("W-1234", "spare card"), ("W-1230", "from the leasing papers"),
    ]  # fmt: skip
    assert connection.execute("SELECT count(*) FROM identity.current_links").fetchone() == (2,)

    moment = connection.execute("SELECT max(made_at)::text FROM identity.links").fetchone()
    assert identities("unlink", "fleet", "fuelco", "W-1234").returncode == 0
    listed = documents(identities("links", "--id", "W-1234", "--json"))
    assert [(each["key"], each["decides"], each["waits"]) for each in listed] == [
        (None, True, True), ("TRUCK-00", False, False),
    ]  # fmt: skip
    assert moment is not None
    (then,) = documents(identities("links", "--id", "W-1234", "--as-of", moment[0], "--json"))
    assert then["key"] == "TRUCK-00"
    (today,) = documents(identities("links", "--id", "W-1234", "--as-of", moment[0][:10], "--json"))
    assert today["key"] is None, "a day is meant until its end"

    early = identities("link", "fleet", "fuelco", "W-1235", "TRUCK-77")
    assert early.returncode == 0 and "No record of fleet has the key TRUCK-77 yet" in early.stderr


def test_proposals_are_decided(identities: Run) -> None:
    found = documents(identities("proposals", "--json"))
    plates = {each["external_id"]: each for each in found if each["rule"] == "same_plate"}
    assert plates.keys() == {"W-1231", "W-1232", "W-1233"}
    assert "letters and digits are the same" in plates["W-1231"]["evidence"]
    numbers = [str(plates[name]["proposal_id"]) for name in ("W-1231", "W-1232")]

    assert identities("accept", *numbers, "--refresh").returncode == 0
    again = identities("accept", str(plates["W-1233"]["proposal_id"]), numbers[0])
    assert again.returncode == 1
    assert f"There is no open proposal {numbers[0]}, so nothing was decided." in again.stderr
    assert identities("reject", str(plates["W-1233"]["proposal_id"])).returncode == 0

    rest = documents(identities("unlinked", "--system", "fuelco", "--entity", "fleet", "--json"))
    assert [each["external_id"] for each in rest] == ["W-1233", "W-1234", "W-1235"]
    assert identities("propose").returncode == 0
    assert not [each for each in documents(identities("proposals", "--json")) if each["rule"] == "same_plate"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["link", "flet", "fuelco", "X", "Y"], "There is no entity flet. Those with external ids are: fleet. Did you"),
        (["link", "fleet", "fuelcoo", "X", "Y"], "There is no system fuelcoo. Those of fleet are: fuelco, telematics."),
        (["link", "fleet", "fuelco", "X", "fuelco:Y"], "begins like the name of an unlinked id"),
        (["link", "fleet", "fuelco", "", "Y"], "The external id must have 1 to 255 characters, not 0."),
        (["link", "fleet", "fuelco", "X" * 256, "Y"], "The external id must have 1 to 255 characters, not 256."),
        (["link", "fleet", "fuelco", " W-1", "Y"], "The external id ' W-1' begins or ends with a space, and no record"),
        (["link", "fleet", "fuelco", "W-1", "Y\u00a0"], "The key 'Y\\xa0' begins or ends with a space"),
        (["show", "fleet", "TRUCK-99"], "No record of fleet has the key 'TRUCK-99', and no link."),
        (["unlinked", "--system", "fuelcoo"], "There is no system fuelcoo. Those that there are: fuelco, telematics."),
        (["links", "--as-of", "yesterday"], "--as-of is 'yesterday'. Expected: a time such as 2024-06-01T12:00Z"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_there_is(identities: Run, arguments: list[str], message: str) -> None:
    done = identities(*arguments)
    assert done.returncode == 1
    assert message in done.stderr


def test_tables_for_people(identities: Run) -> None:
    assert "fuel.plate" in identities("list").stdout
    assert "W-1231" in identities("unlinked").stdout
    assert "from the leasing papers" in identities("links").stdout
    assert "Blue Whale 0" in identities("show", "fleet", "TRUCK-00").stdout
    assert "may be" in identities("proposals").stdout
