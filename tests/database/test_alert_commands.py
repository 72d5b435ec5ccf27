"""`logistics alerts`: rules as files."""

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
