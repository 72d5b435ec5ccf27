"""`logistics keys`, as a real process: what it makes, shows once, lists and revokes."""

import json
import os
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from logistics_pipeline.database.api_keys import is_well_formed
from logistics_pipeline.database.connections import Connection
from tests.database.forking import run_command

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def keys(tmp_path: Path, database_url: str) -> Run:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
        environment |= {"LOGISTICS_DATABASE_URL": database_url, "LOGISTICS_DATA_DIR": str(tmp_path / "data")}
        done = run_command(["keys", *arguments], environment, tmp_path)
        assert "Traceback" not in done.stderr
        return done

    return run


def test_a_key_is_printed_alone_and_only_its_digest_is_kept(keys: Run, connection: Connection) -> None:
    done = keys("create", "laptop", "--scope", "read", "--scope", "export", "--expires", "90d", "--rate", "5")
    key = done.stdout.strip()
    assert is_well_formed(key)
    assert "Key 1 of 'laptop', for export, read until" in done.stderr
    assert key not in done.stderr
    stored = connection.execute(
        "SELECT digest, scopes, requests_per_second, expires_at - created_at > '89 days' FROM access.keys"
    ).fetchall()
    assert stored == [(sha256(key.encode()).digest(), ["export", "read"], 5.0, True)]


def test_keys_are_listed_without_the_keys(keys: Run) -> None:
    assert "There are no keys" in keys("list").stderr
    made = json.loads(keys("create", "laptop", "--json").stdout)
    keys("create", "robot", "--scope", "ingest")
    keys("revoke", "robot")
    (listed,) = [json.loads(line) for line in keys("list", "--json").stdout.splitlines()]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert (listed["name"], listed["scopes"], listed["state"]) == ("laptop", ["read"], "in force")
    assert [json.loads(line)["state"] for line in keys("list", "--all", "--json").stdout.splitlines()] == [
        "in force",
        "revoked",
    ]
    assert made["key"] not in keys("list", "--all").stdout


def test_a_key_is_revoked_by_name_or_number_and_its_name_is_free_again(keys: Run) -> None:
    keys("create", "laptop")
    taken = keys("create", "laptop")
    assert (taken.returncode, taken.stdout) == (1, "")
    assert "logistics keys revoke laptop" in taken.stderr
    assert "Key 1 of 'laptop' is revoked." in keys("revoke", "laptop").stderr
    assert keys("create", "laptop").returncode == 0
    number = json.loads(keys("list", "--json").stdout)["key_id"]
    assert keys("revoke", str(number)).returncode == 0
    again = keys("revoke", str(number))
    assert again.returncode == 1
    assert "no key" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["create", "my laptop"], "no name for a key"),
        (["create", "7"], "no name for a key"),
        (["create", "anonymous"], "no name for a key"),
        (["create", "a;b"], "no name for a key"),
        (["create", "laptop", "--scope", "admin"], "admin"),
        (["create", "laptop", "--expires", "yesterday"], "--expires 'yesterday' is neither a day"),
        (["create", "laptop", "--expires", "2020-01-01"], "is past"),
        (["create", "laptop", "--rate", "0"], "rate"),
        (["revoke", "nobody"], "There is no key 'nobody' to revoke."),
    ],
)
def test_what_cannot_be_is_a_sentence(keys: Run, arguments: list[str], says: str) -> None:
    done = keys(*arguments)
    assert done.returncode != 0
    assert says in done.stderr
    assert done.stdout == ""


def test_a_key_can_be_for_some_rows_only(keys: Run, connection: Connection) -> None:
    done = keys("create", "berlin", "--only", "shipments: origin = Berlin | Bad Homburg", "--only", "vehicles")
    assert "for read, and only for shipments: origin = Bad Homburg | Berlin; vehicles." in done.stderr
    (stored,) = connection.execute("SELECT row_access FROM access.keys").fetchone() or ()
    assert stored == {"shipments": [{"origin": ["Bad Homburg", "Berlin"]}], "vehicles": [{}]}
    assert "shipments: origin = Bad Homburg | Berlin; vehicles" in keys("list").stdout
    (listed,) = [json.loads(line) for line in keys("list", "--json").stdout.splitlines()]
    assert listed["row_access"] == stored


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--only", "shipments: orgin = Berlin"],
            "--only 'shipments: orgin = Berlin': 'orgin': shipments has no field",
        ),
        (["--only", "shipmets"], "there is no dataset 'shipmets'. Did you mean shipments?"),
        (["--only", "vehicles", "--scope", "ingest"], "cannot have the scope ingest"),
    ],
)
def test_rows_that_there_are_not_and_scopes_that_need_all_are_refused(
    keys: Run, options: list[str], message: str
) -> None:
    done = keys("create", "berlin", *options)
    assert done.returncode != 0
    assert message in done.stderr
