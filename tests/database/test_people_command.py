"""`logistics people`, as a real process: who has signed in, their sessions, and how both are ended."""

import json
import os
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from tests.database.forking import run_command

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def people(tmp_path: Path, database_url: str) -> Run:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        environment |= {
            "LOGISTICS_DATABASE_URL": database_url,
            "LOGISTICS_DATA_DIR": str(tmp_path / "data"),
            "LOGISTICS_GROUP_ROLES": '{"dispatch": "operator"}',
        }
        done = run_command(["people", *arguments], environment, tmp_path)
        assert "Traceback" not in done.stderr
        return done

    return run


def sign_in(connection: Connection, subject: str, name: str = "Ada", groups: str = "{dispatch}") -> None:
    number = connection.execute("SELECT count(*) FROM access.sessions").fetchone()
    connection.execute(
        "SELECT access.sign_in('https://idp', %s, %s, %s, %s, NULL, NULL, %s, 'openid-connect', NULL, '1 h', '1 day')",
        (subject, name, f"{subject}@example.org", groups, sha256(str(number).encode()).digest()),
    )


def test_people_and_sessions_are_listed_ended_and_disabled(people: Run, connection: Connection) -> None:
    assert "Nobody has signed in yet" in people("list").stderr
    for subject, name, groups in (("ada", "Ada", "{dispatch}"), ("ada", "Ada", "{dispatch}"), ("eve", "Eve", "{}")):
        sign_in(connection, subject, name, groups)
    ada, eve = (json.loads(line) for line in people("list", "--json").stdout.splitlines())
    assert (ada["email"], ada["roles"], ada["sessions"], ada["disabled_at"]) == (
        "ada@example.org",
        ["operator"],
        2,
        None,
    )
    assert (eve["name"], eve["roles"], eve["sessions"]) == ("Eve", [], 1)
    sessions = [json.loads(line) for line in people("sessions", "ada", "--json").stdout.splitlines()]
    assert [each["name"] for each in sessions] == ["Ada", "Ada"] and "digest" not in sessions[0]
    number = str(sessions[0]["session_id"])
    assert f"Session {number} is ended." in people("end-session", number).stderr
    assert f"There is no session {number} to end." in people("end-session", number).stderr
    assert "Ada is disabled; 1 session ended." in people("disable", "ada@example.org").stderr
    assert "disabled since" in people("list").stdout
    assert "Ada may sign in again." in people("enable", str(ada["person_id"])).stderr
    assert "1 session of Eve ended." in people("end-session", "--person", "eve").stderr
    assert "There are no sessions." in people("sessions").stderr


def test_what_cannot_be_is_a_sentence(people: Run, connection: Connection) -> None:
    sign_in(connection, "one", "Same name")
    sign_in(connection, "two", "Same name")
    for arguments, says in (
        (["disable", "nobody"], "There is nobody 'nobody'."),
        (["disable", "Same name"], "several people: say which by number (1, 2)"),
        (["end-session"], "Give either the number of a session or --person."),
        (["end-session", "1", "--person", "one"], "Give either"),
    ):
        done = people(*arguments)
        assert done.returncode == 1 and says in done.stderr, done.stderr


def test_a_restriction_of_a_group_that_nobody_is_in_is_pointed_out(people: Run, connection: Connection) -> None:
    rule = ["--only", "shipments: origin = Berlin"]
    first = people("restrict", "depot", *rule).stderr
    assert "People of the group depot may see: shipments: origin = Berlin." in first
    assert "Nobody who has signed in so far is in a group of exactly this name. Some providers" in first
    sign_in(connection, "ada", groups="{/depot-berlin,dispatch}")
    near = people("restrict", "depot-berlin", *rule).stderr
    assert "They have: /depot-berlin, dispatch. Did you mean /depot-berlin?" in near
    assert "Nobody" not in people("restrict", "/depot-berlin", *rule).stderr


def test_sessions_that_ended_long_ago_are_deleted_and_people_stay(connection: Connection, database_url: str) -> None:
    for subject in ("in force", "idle", "ended", "over"):
        sign_in(connection, subject)
    for subject, change in (
        ("idle", "idle_ends_at = now() - interval '91 days'"),
        ("ended", "ended_at = now() - interval '91 days', ended_because = 'signed out'"),
        ("over", "ends_at = now() - interval '89 days'"),
    ):
        connection.execute(
            f"UPDATE access.sessions SET {change} FROM access.people "
            "WHERE people.person_id = sessions.person_id AND subject = %s".encode(),
            (subject,),
        )
    assert run_housekeeping(database_url, Retention(30, None, sessions_days=90)).sessions_deleted == 2
    assert connection.execute("SELECT count(*) FROM access.people").fetchone() == (4,)
