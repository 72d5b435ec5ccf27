"""The audit log of what commands and the pipeline change: in whose name, and how it is listed and shortened."""

import getpass
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.contracts.requests import serve_next_request
from logistics_pipeline.database.acting import acting_as_user, acting_by_itself
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.loading.unload import unload_file
from tests.contract_texts import FUEL
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.database.records import log

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, database_url: str) -> Run:
    def run(*arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        environment |= {"LOGISTICS_DATABASE_URL": database_url, "LOGISTICS_DATA_DIR": str(tmp_path / "data")}
        done = run_command(list(arguments), environment, tmp_path)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return run


def entries(connection: Connection) -> list[tuple[Any, ...]]:
    """Kind of the actor, actor, kind, object and action of each entry, the oldest first."""
    return connection.execute(
        "SELECT actor_kind, actor, object_kind, object, action FROM access.audit ORDER BY entry_id"
    ).fetchall()


def test_what_commands_change_is_logged_in_the_name_of_their_user(
    run: Run, connection: Connection, raw_folder: FolderUnderTest, tmp_path: Path
) -> None:
    (tmp_path / "fuel.yaml").write_text(FUEL)
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    connection.execute(
        "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, error) "
        "VALUES ('vehicles', 'vehicles/cut.json', 1, 1, 'failed', 'cut off')"
    )
    assert entries(connection) == [], "loads are in the ledger"
    run("keys", "create", "laptop")
    run("keys", "revoke", "laptop")
    run("alerts", "silence", "file_failed", "--for", "2h", "--reason", "moving")
    run("alerts", "unsilence", "1")
    run("contracts", "accept", str(tmp_path / "fuel.yaml"))
    run("contracts", "retire", "fuel", "--yes")
    run("forget", "vehicles/cut.json", "--yes")
    run("unload", "vehicle_logs.json")
    found = entries(connection)
    assert {(kind, actor) for kind, actor, *_ in found} == {("command_line", getpass.getuser())}
    assert [each[2:] for each in found] == [
        ("key", "laptop", "added"),
        ("key", "laptop", "changed"),
        ("silence", "1", "added"),
        ("silence", "1", "changed"),
        ("contract", "fuel/1", "added"),
        ("dataset", "fuel", "changed"),
        ("file", "vehicles/cut.json", "dismissed"),
        ("file", "vehicle_logs.json", "unloaded"),
    ]

    first, *_ = [json.loads(line) for line in run("audit", "list", "--json").splitlines()]
    assert (first["kind"], first["before"]["records_loaded"], first["after"]["records_loaded"]) == ("file", 1, 0)
    assert "dataset fuel" in run("audit", "list", "--kind", "dataset")
    listed = run("audit", "list", "--object", "laptop", "--actor", getpass.getuser(), "--since", "2024-01-01")
    assert listed.count("key laptop") == 2 and "silence" not in listed
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    run("audit", "delete", "--before", tomorrow, "--yes")
    assert [each[2:] for each in entries(connection)] == [("audit_log", "1-8", "deleted")]


def test_what_the_pipeline_does_about_a_request_is_an_entry_of_its_own(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database_url, data_dir=tmp_path)
    settings.contracts_dir.mkdir()
    connection.execute(
        "SELECT catalogue.request_contract_action('propose', NULL, NULL, '{\"path\": \"x.csv\"}', 'ada')"
    )
    settings.raw_dir.mkdir()
    (settings.raw_dir / "x.csv").write_text("id,paid_on\n" + "".join(f"P{n},2024-05-01\n" for n in range(50)))
    with connect(database_url, application_name="logistics watch") as watch:
        assert serve_next_request(watch, settings) is not None
    found = entries(connection)
    assert found[0][2:] == ("contract_request", "x.csv", "propose")
    assert all(each[:2] == ("process", "logistics watch") for each in found[1:])


def test_a_process_that_a_user_has_started_acts_by_itself(database_url: str) -> None:
    def actor() -> str:
        with connect(database_url, application_name="logistics worker") as session:
            row = session.execute("SELECT current_setting('logistics.actor')::json ->> 'name'").fetchone()
        assert row is not None
        return str(row[0])

    with acting_as_user("ada"):
        assert actor() == "ada"
        with acting_by_itself():
            assert actor() == "logistics worker"
        assert actor() == "ada"
    assert actor() == "logistics worker"


def test_old_entries_are_deleted_at_night_if_that_is_wanted(
    connection: Connection, database_url: str, raw_folder: FolderUnderTest
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    unload_file(database_url, "vehicle_logs.json", raw_folder.options)
    assert run_housekeeping(database_url, Retention(30, None)).audit_entries_deleted == 0
    assert run_housekeeping(database_url, Retention(30, None, audit_days=1)).audit_entries_deleted == 0
    connection.execute("ALTER TABLE access.audit DISABLE TRIGGER keep_entries")
    connection.execute("GRANT UPDATE ON access.audit TO CURRENT_USER")
    connection.execute("UPDATE access.audit SET changed_at = changed_at - interval '2 days'")
    assert run_housekeeping(database_url, Retention(30, None, audit_days=1)).audit_entries_deleted == 1
    assert entries(connection) == [("process", "logistics housekeeping", "audit_log", "1-1", "deleted")]


ENDPOINT = "INSERT INTO notify.endpoints (name, channel) VALUES ('inbox', 'inbox')"
MESSAGE = (
    "INSERT INTO notify.digests (endpoint_id, recipient, kind, ends_at) SELECT endpoint_id, '', '1m', now() "
    "FROM notify.endpoints",
    "INSERT INTO notify.messages (endpoint_id, channel, digest_id, state, reason, ended_at) "
    "SELECT endpoint_id, 'inbox', digest_id, 'dead', 'gone', now() FROM notify.digests",
)
PROPOSAL = (
    "INSERT INTO catalogue.proposals (path, dataset, kind, contract, document, created_by) "
    "VALUES ('x.csv', 'tolls', 'new', 'name: tolls', '{}', 'ada')"
)
MODEL = (
    "INSERT INTO models.models (model, dataset, kind, declaration) "
    "VALUES ('shipments.hours', 'shipments', 'duration', '{}')"
)


@pytest.mark.parametrize(
    ("before", "statement", "logged"),
    [
        ((), ENDPOINT, [("endpoint", "added")]),
        ((ENDPOINT,), "UPDATE notify.endpoints SET failures = 3, failing_since = now()", []),
        (
            (ENDPOINT,),
            "UPDATE notify.endpoints SET disabled_at = now(), disabled_reason = 'gone', failures = 9",
            [("endpoint", "changed")],
        ),
        ((), "INSERT INTO notify.suppressions (recipient, reason) VALUES ('a@b.c', 'x')", [("suppression", "added")]),
        (
            (ENDPOINT, *MESSAGE),
            "UPDATE notify.messages SET state = 'waiting', reason = NULL, ended_at = NULL, due_at = now()",
            [("message", "resent")],
        ),
        ((PROPOSAL,), "UPDATE catalogue.proposals SET contract = 'name: fees'", [("proposal", "edited")]),
        (
            (PROPOSAL,),
            "UPDATE catalogue.proposals SET state = 'dismissed', ended_at = now()",
            [("proposal", "dismissed")],
        ),
        ((PROPOSAL,), "UPDATE catalogue.proposals SET state = 'superseded', ended_at = now()", []),
        ((MODEL,), "UPDATE models.models SET is_held = true", [("model", "changed")]),
        ((MODEL,), "UPDATE models.models SET updated_at = now()", []),
        ((), "INSERT INTO alert.rules (name, origin) VALUES ('r', 'file')", [("alert_rule", "added")]),
        (
            ("INSERT INTO alert.rules (name, origin) VALUES ('r', 'file')",),
            "UPDATE alert.rules SET changed_at = now()",
            [],
        ),
    ],
)
def test_what_people_change_is_logged_and_what_the_worker_counts_is_not(
    connection: Connection, before: tuple[str, ...], statement: str, logged: list[tuple[str, str]]
) -> None:
    for each in before:
        connection.execute(each.encode())
    seen = len(entries(connection))
    connection.execute(statement.encode())
    assert [(kind, action) for *_, kind, _, action in entries(connection)[seen:]] == logged
