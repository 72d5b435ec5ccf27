"""Reads `reports.yaml`, and makes the database follow it. Every message names file, line, column and key."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec

from logistics_core.catalogue.contract_yaml import KeyPath
from logistics_core.places.checks import check_time_zone, checked, fault, length
from logistics_core.places.keys import Keys, said
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.declared_files import json_schema_of, parse_declared, read_declared, store_declared
from logistics_pipeline.reporting.days import check_days
from logistics_pipeline.reporting.declaration import Report
from logistics_pipeline.reporting.schedule import check_schedule

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ReportKeys(Keys, kw_only=True):
    """A board that is sent on a schedule."""

    board: Annotated[str, said("ID or title of the board")]
    schedule: Annotated[str, said("When: minute, hour, day, month and weekday as in cron: 0 7 * * 1")]
    endpoints: Annotated[list[str], said("Endpoints of notifications.yaml that get it")]
    title: Annotated[str, said("Its subject; unset: the title of the board")] = ""
    time_zone: Annotated[str, said("IANA name of the zone of schedule and days: Europe/Berlin")] = "UTC"
    days: Annotated[str, said("The days it is about: 7d, week, month, quarter, year (the last whole one), or all")] = (
        "7d"
    )
    fresh_within: Annotated[str | None, said("How old the figures may be: 26h. Unset: any age")] = None


class ReportsKeys(Keys, kw_only=True):
    """Boards by e-mail."""

    reports: Annotated[dict[str, ReportKeys], said("Reports by name")] = msgspec.field(default_factory=dict)


def read_reports(path: Path) -> list[Report]:
    """The reports that a file declares; none if it does not exist.

    Raises:
        DefinitionError: it cannot be read, or declares something that cannot be used.
    """
    return read_declared(path, parse_reports)


def parse_reports(text: str, where: str) -> list[Report]:
    """The reports that a text declares. `where` names the text in messages.

    Raises:
        DefinitionError: it declares something that cannot be used.
    """
    return parse_declared(text, where, ReportsKeys, "reports", _reports)


def _reports(document: dict[str, Any]) -> list[Report]:
    reports = msgspec.convert(document, ReportsKeys).reports
    return [_report(name, each, ("reports", name)) for name, each in reports.items()]


def _report(name: str, keys: ReportKeys, path: KeyPath) -> Report:
    if not _NAME.fullmatch(name):
        fault(
            path, "is no name of a report. Expected: small letters, digits and underscores, a letter first, at most 40."
        )
    if not keys.board.strip():
        fault((*path, "board"), "is empty. Expected: the ID or the title of a board.")
    if not keys.endpoints:
        fault((*path, "endpoints"), "is empty. Expected: the name of an endpoint in notifications.yaml, or several.")
    checked(check_schedule)(keys.schedule, (*path, "schedule"))
    checked(check_days)(keys.days, (*path, "days"))
    check_time_zone(keys.time_zone, (*path, "timeZone"))
    return Report(
        name=name, board=keys.board.strip(), schedule=keys.schedule, endpoints=tuple(dict.fromkeys(keys.endpoints)),
        title=keys.title, time_zone=keys.time_zone, days=keys.days,
        fresh_within=None if keys.fresh_within is None else length(keys.fresh_within, (*path, "freshWithin")),
    )  # fmt: skip


def json_schema() -> dict[str, Any]:
    """What the file may hold, as a JSON Schema for editors."""
    return json_schema_of(ReportsKeys, "Reports")


def sync_reports(connection: Connection, path: Path) -> list[str]:
    """Reads the file and notes in the database what it says. Returns what has changed, a sentence each.

    Raises:
        DefinitionError: the file cannot be used; nothing changes.
    """
    return store_reports(connection, read_reports(path))


def store_reports(connection: Connection, reports: list[Report]) -> list[str]:
    """Notes in the database which reports there are. A new or changed one is due with its next window."""

    def store(report: Report, digest: str) -> None:
        values = {**asdict(report), "endpoints": list(report.endpoints), "sha256": digest}
        connection.execute(read_sql("reporting/store_report").encode(), values)

    def remove(name: str) -> None:
        connection.execute("UPDATE notify.reports SET removed_at = clock_timestamp() WHERE name = %s", (name,))

    with connection.transaction():
        rows = connection.execute("SELECT name, sha256 FROM notify.reports WHERE removed_at IS NULL").fetchall()
        return store_declared("report", dict(rows), reports, store, remove)
