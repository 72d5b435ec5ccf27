"""`logistics status`: what it says of alerts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from logistics_core.database_contract.locks import ALERTS_LOCK
from logistics_pipeline.cli import app
from logistics_pipeline.database.connections import Connection, advisory_lock, connect


@pytest.fixture
def runner(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path))
    return CliRunner()


def test_open_incidents_are_counted_and_a_missing_worker_is_told(
    runner: CliRunner, connection: Connection, database_url: str
) -> None:
    assert "nothing is wrong; not evaluated" in runner.invoke(app, ["status"]).output
    connection.execute(
        "INSERT INTO alert.incidents (rule, rule_version, kind, labels, severity, title, summary, data_version) "
        "VALUES ('a', 1, 'condition', '{}', 'critical', 'Wrong', 'It is wrong', 1)"
    )
    assert "open: 1 critical: logistics alerts incidents; not evaluated" in runner.invoke(app, ["status"]).output
    with connect(database_url) as other, advisory_lock(other, ALERTS_LOCK):
        found = json.loads(runner.invoke(app, ["status", "--json"]).stdout)
    assert found["alerts"] == {"are_evaluated": True, "open_incidents": {"critical": 1}}
