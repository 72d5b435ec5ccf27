"""`logistics alerts`: rules as files, and maintenance windows."""

import json
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_pipeline.alerting.rule_files import read_rules
from logistics_pipeline.cli import app
from logistics_pipeline.database.connections import Connection

DEFINITION = {
    "when": {"above": 0.5},
    "title": "Kosten: zu hoch",
    "watch": {"kind": "metric", "dataset": "shipments", "metric": "cost", "by": ["origin"]},
    "enabled": False,
}


@pytest.fixture
def runner(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path))
    return CliRunner()


def test_a_rule_that_was_made_on_the_page_becomes_a_file(
    runner: CliRunner, connection: Connection, tmp_path: Path
) -> None:
    connection.execute("SELECT alert.add_rule('costs', %s, 'Ada')", (Jsonb(DEFINITION),))
    path = tmp_path / "costs.yaml"
    assert runner.invoke(app, ["alerts", "export", "costs", "-o", str(path)]).exit_code == 0
    assert path.read_text().startswith("title: 'Kosten: zu hoch'\nwatch:\n  kind: metric\n")
    assert read_rules(tmp_path)["costs"].document == DEFINITION
    refused = runner.invoke(app, ["alerts", "export", "costs", "-o", str(path)])
    assert refused.exit_code == 1 and "exists. Choose another file" in str(refused.exception)
    built_in = runner.invoke(app, ["alerts", "export", "file_failed"]).stdout
    (tmp_path / "mine.yaml").write_text(built_in)
    assert read_rules(tmp_path)["mine"].document == BUILT_IN["file_failed"]
    assert "There is no rule nothing" in str(runner.invoke(app, ["alerts", "export", "nothing"]).exception)


def test_maintenance_windows_are_made_listed_and_ended(runner: CliRunner, connection: Connection) -> None:
    assert "There are no maintenance windows" in runner.invoke(app, ["alerts", "windows", "list"]).output
    hours = ["--from", "22:00", "--to", "04:00", "--days", "Sat,sun", "--time-zone", "Europe/Berlin"]
    add = ["alerts", "windows", "add", *hours, "--reason", "backup"]
    made = runner.invoke(app, [*add, "file_failed", "--label", "dataset=shipments", "--for", "30d"])
    assert "Maintenance window 1 is made" in made.output, made.output
    row = json.loads(runner.invoke(app, ["alerts", "windows", "list", "--json"]).stdout)
    assert (row["rule"], row["labels"], row["reason"]) == ("file_failed", {"dataset": "shipments"}, "backup")
    assert row["hours"] == {"days": ["sat", "sun"], "from": "22:00", "to": "04:00", "timeZone": "Europe/Berlin"}
    assert "sat, sun" in runner.invoke(app, ["alerts", "windows", "list"]).stdout
    entry = connection.execute("SELECT actor_kind, object_kind, action FROM access.audit").fetchone()
    assert entry == ("command_line", "maintenance_window", "added")
    assert "is ended" in runner.invoke(app, ["alerts", "windows", "end", "1"]).output
    assert "There is no maintenance window 1" in str(runner.invoke(app, ["alerts", "windows", "end", "1"]).exception)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (["--days", "sunday"], "days[0] is 'sunday'. Expected: mon, tue, wed"),
        (["--from", "25:00"], "from is '25:00'"),
        (["--time-zone", "Europe"], "timeZone is 'Europe', which is no time zone"),
        (["--for", "2y"], "a length of time"),
        (["--for", "400d"], "is not between 1s and 366d"),
        (["file_faild"], "There is no rule 'file_faild'. Did you mean file_failed?"),
    ],
)
def test_what_is_no_maintenance_window_is_a_sentence(runner: CliRunner, changed: list[str], says: str) -> None:
    add = ["alerts", "windows", "add", "--from", "22:00", "--to", "04:00", "--reason", "backup"]
    done = runner.invoke(app, [*add, *changed])
    assert done.exit_code != 0 and says in " ".join(f"{done.output} {done.exception}".split()), done.output


def test_a_silence_of_a_rule_that_does_not_exist_is_refused(runner: CliRunner) -> None:
    done = runner.invoke(app, ["alerts", "silence", "rejects_hihg", "--for", "1h", "--reason", "a typing error"])
    assert "There is no rule 'rejects_hihg'. Did you mean rejects_high?" in str(done.exception)
