"""`reports.yaml`: what it may say, and how the database follows it."""

from datetime import timedelta
from pathlib import Path

import pytest

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.definition_files import DefinitionError
from logistics_pipeline.reporting.declaration import Report
from logistics_pipeline.reporting.declaring import json_schema, parse_reports, sync_reports
from logistics_pipeline.reporting.editions import reports_in_force

FULL = """
reports:
  monday_figures:
    board: Monday meeting
    schedule: 0 7 * * 1
    endpoints: [desk, desk]
    title: The week
    timeZone: Europe/Berlin
    days: week
    freshWithin: 26h
"""


def test_all_keys_are_read() -> None:
    assert parse_reports(FULL, "reports.yaml") == [
        Report(
            "monday_figures", "Monday meeting", "0 7 * * 1", ("desk",), "The week", "Europe/Berlin", "week",
            timedelta(hours=26),
        )
    ]  # fmt: skip
    assert "ReportKeys" in str(json_schema())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("0 7 * * 1", "every monday"), "line 5, column 5: reports.monday_figures.schedule is 'every monday'"),
        (("Europe/Berlin", "Europe/Berlim"), "Did you mean Europe/Berlin?"),
        (("days: week", "days: weak"), "reports.monday_figures.days is 'weak'. Expected: 7d"),
        (("26h", "often"), "Expected: a length of time"),
        (("[desk, desk]", "[]"), "Expected: the name of an endpoint"),
        (("Monday meeting", '" "'), "Expected: the ID or the title of a board."),
        (("monday_figures:", "Monday:"), "is no name of a report"),
        (("freshWithin", "freshwithin"), "freshwithin"),
        (("reports:", "- reports:"), "reports.yaml"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(change: tuple[str, str], said: str) -> None:
    with pytest.raises(DefinitionError) as error:
        parse_reports(FULL.replace(*change), "reports.yaml")
    assert said in str(error.value)


def test_the_database_follows_the_file(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "reports.yaml"
    assert sync_reports(connection, path) == []
    path.write_text(FULL)
    assert sync_reports(connection, path) == ["The report monday_figures was added."]
    assert sync_reports(connection, path) == []
    (first,) = reports_in_force(connection)
    assert first.report == parse_reports(FULL, "")[0]
    path.write_text(FULL.replace("0 7", "0 8"))
    assert sync_reports(connection, path) == ["The report monday_figures was changed."]
    (second,) = reports_in_force(connection)
    assert second.report_id == first.report_id and second.seen_until > first.seen_until
    path.write_text(FULL.replace("week", "weak"))
    with pytest.raises(DefinitionError):
        sync_reports(connection, path)
    assert len(reports_in_force(connection)) == 1
    path.unlink()
    assert sync_reports(connection, path) == ["The report monday_figures was removed."]
