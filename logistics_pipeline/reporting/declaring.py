"""Reads `reports.yaml`, and makes the database follow it. Every message names file, line, column and key."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec

from logistics_core.catalogue.contract_shapes import ShapeFault, check_shape, described, suggestion
from logistics_core.catalogue.contract_yaml import KeyPath, Place, with_place
from logistics_core.places.checks import checked, fault, length
from logistics_core.places.keys import Keys, said
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.definition_files import DefinitionError, parse_document, read_text
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
    try:
        if not path.exists():
            return []
    except OSError as error:
        raise DefinitionError(f"{path} cannot be read: {error.strerror}.") from error
    return parse_reports(read_text(path, "declaration"), str(path))


def parse_reports(text: str, where: str) -> list[Report]:
    """The reports that a text declares. `where` names the text in messages.

    Raises:
        DefinitionError: it declares something that cannot be used.
    """
    read = parse_document(text, where, "declaration")
    if read.value is None:
        return []
    try:
        if not isinstance(read.value, dict):
            fault((), f"The file is {described(read.value)}. Expected: the key `reports`, with their names below it.")
        check_shape(read.value, ReportsKeys, read.places)
        return _reports(read.value, read.places)
    except ShapeFault as error:
        raise DefinitionError(f"{where}: {with_place(error.path, str(error), read.places)}") from error


def _reports(document: dict[str, Any], _: Mapping[KeyPath, Place]) -> list[Report]:
    return [
        _report(name, each, ("reports", name)) for name, each in msgspec.convert(document, ReportsKeys).reports.items()
    ]


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
    if keys.time_zone not in _zones():
        meant = suggestion(keys.time_zone, _zones())
        fault((*path, "timeZone"), f"is {keys.time_zone!r}, which is no time zone. Expected: Europe/Berlin.{meant}")
    return Report(
        name=name, board=keys.board.strip(), schedule=keys.schedule, endpoints=tuple(dict.fromkeys(keys.endpoints)),
        title=keys.title, time_zone=keys.time_zone, days=keys.days,
        fresh_within=None if keys.fresh_within is None else length(keys.fresh_within, (*path, "freshWithin")),
    )  # fmt: skip


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def json_schema() -> dict[str, Any]:
    """What the file may hold, as a JSON Schema for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Reports",
        **msgspec.json.schema(ReportsKeys),
    }


def sync_reports(connection: Connection, path: Path) -> list[str]:
    """Reads the file and notes in the database what it says. Returns what has changed, a sentence each.

    Raises:
        DefinitionError: the file cannot be used; nothing changes.
    """
    return store_reports(connection, read_reports(path))


def store_reports(connection: Connection, reports: list[Report]) -> list[str]:
    """Notes in the database which reports there are. A new or changed one is due with its next window."""
    changes = []
    with connection.transaction():
        rows = connection.execute("SELECT name, sha256 FROM notify.reports WHERE removed_at IS NULL").fetchall()
        known: dict[str, str] = dict(rows)
        for each in reports:
            digest = sha256(json.dumps(asdict(each), default=str, sort_keys=True).encode()).hexdigest()
            if known.get(each.name) != digest:
                values = {**asdict(each), "endpoints": list(each.endpoints), "sha256": digest}
                connection.execute(read_sql("reporting/store_report").encode(), values)
                changes.append(f"The report {each.name} was {'changed' if each.name in known else 'added'}.")
        for name in sorted(known.keys() - {each.name for each in reports}):
            connection.execute("UPDATE notify.reports SET removed_at = clock_timestamp() WHERE name = %s", (name,))
            changes.append(f"The report {name} was removed.")
    return changes
