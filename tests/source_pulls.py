"""A source with pulls as the pipeline leaves them in the database, for tests of what shows them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from logistics_pipeline.database.connections import connect
from logistics_pipeline.sources.definitions.in_force import SourcesFolder

FLEET = """\
kind: rest
title: Fleet management
description: Trips and vehicles of the fleet system
baseUrl: https://api.example.com/v1
authentication: {type: bearer, token: env:FLEET_TOKEN}
resources:
  - name: vehicles
    path: /vehicles
    mode: snapshot
    key: [id]
    schedule: 0 6 * * 1-5
  - name: trips
    title: Trips
    dataset: vehicle_logs
    path: /vehicles/{vehicle}/trips
    parent: {resource: vehicles, field: id}
    schedule: every 15m
  - name: orders
    dataset: shipments
    path: /orders
"""
DEPOT = """\
kind: files
title: Files of the depot
url: s3://depot/exports
"""


def define(url: str, folder: Path, **definitions: str) -> list[str]:
    """Writes definition files and has the database follow them; returns what is wrong with them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in definitions.items():
        (folder / f"{name}.yaml").write_text(text)
    with connect(url) as connection:
        return SourcesFolder(folder).sync(connection).problems


def add_pull(connection: psycopg.Connection[Any], resource: str, state: str = "complete", **values: Any) -> int:
    """A pull of the fleet; returns its ID."""
    now = datetime.now(UTC)
    ended = {"finished_at": now} if state not in ("running",) else {}
    columns = {
        "source": "fleet", "resource": resource, "mode": "changes", "state": state, "definition_sha256": "d" * 64,
        "request_sha256": "e" * 64, "records_landed": 0, "records_unmapped": 0, "started_at": now, "attempted_at": now,
        **ended, **values,
    }  # fmt: skip
    names, places = ", ".join(columns), ", ".join(f"%({name})s" for name in columns)
    statement = f"INSERT INTO source.pulls ({names}) VALUES ({places}) RETURNING pull_id"
    row = connection.execute(statement.encode(), columns).fetchone()
    assert row is not None
    return int(row[0])


def add_page(connection: psycopg.Connection[Any], pull_id: int, number: int, **values: Any) -> None:
    """A page of a pull."""
    columns = {
        "pull_id": pull_id, "part": 0, "number": number, "sha256": f"{number:064}", "method": "GET",
        "url": f"https://api.example.com/v1/trips?page={number}", "status": 200,
        "headers": json.dumps({"content-type": "application/json"}), "received_at": datetime.now(UTC), "seconds": 0.25,
        "attempts": 1, "bytes": 7_000, "records": 100, "first_record": 100 * number - 99, "total": 250, **values,
    }  # fmt: skip
    names, places = ", ".join(columns), ", ".join(f"%({name})s" for name in columns)
    connection.execute(f"INSERT INTO source.pages ({names}) VALUES ({places})".encode(), columns)


def complete_pull(connection: psycopg.Connection[Any], path: str | None = None, **values: Any) -> int:
    """A pull of trips in three pages, one record of which was not mapped."""
    now = datetime.now(UTC)
    pull_id = add_pull(
        connection, "trips", dataset="vehicle_logs", pages=3, records=250, records_landed=249, records_unmapped=1,
        unmapped=json.dumps({"trip_id is missing": 1}), expected_records=250, requests=4, retries=1, rate_limited=1,
        bytes_received=21_000, seconds=3.25, seconds_waited=1.5, seconds_retrying=0.5, path=path,
        window_start=now - timedelta(minutes=75), window_end=now - timedelta(seconds=4),
        newest_record_at=now - timedelta(seconds=90), **values,
    )  # fmt: skip
    for number, records in ((1, 100), (2, 100), (3, 50)):
        add_page(connection, pull_id, number, records=records)
    return pull_id
