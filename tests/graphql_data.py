"""Random rows for any catalogue, put straight into the tables."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from logistics_api.rows.tables import Kind, kind_of
from logistics_core.catalogue import Catalogue, Dataset, Field

TEXTS = ("Aachen", "Zug", "null", "", 'a"b\\c', "Σίγμας 😀", "line\nbreak\x07", "100%", "%(p1)s", "{}", "NaN")
FIRST = date(2024, 1, 1)


def fill(connection: psycopg.Connection[Any], catalogue: Catalogue, random: Random, most: int = 9) -> None:
    """Replaces all rows. References lead to rows that exist, most of them."""
    connection.execute("DELETE FROM ingest.files")
    stored: dict[str, list[dict[str, Any]]] = {}
    for name, dataset in catalogue.items():
        connection.execute(sql.SQL("DELETE FROM raw.{}").format(sql.Identifier(name)))
        (file_id,) = connection.execute(
            "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state) VALUES (%s, %s, 1, 1, 'loaded') "
            "RETURNING file_id",
            (name, f"{name}.json"),
        ).fetchone() or (0,)
        rows = _rows(dataset, stored, random, random.randint(0, most))
        for number, row in enumerate(rows, 1):
            columns = [*row, "file_id", "record_no"]
            connection.execute(
                sql.SQL("INSERT INTO raw.{} ({}) VALUES ({})").format(
                    sql.Identifier(name),
                    sql.SQL(", ").join(map(sql.Identifier, columns)),
                    sql.SQL(", ").join(sql.Placeholder() * len(columns)),
                ),
                [*row.values(), file_id, number],
            )


def _rows(
    dataset: Dataset, stored: dict[str, list[dict[str, Any]]], random: Random, count: int
) -> list[dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    stored[dataset.name] = []
    for number in range(count):
        row = {field.name: _value(field, dataset, random) for field in dataset.fields}
        for reference in dataset.references:
            targets = stored.get(reference.dataset, [])
            if targets and random.random() < 0.8:
                target = random.choice(targets)
                row |= {
                    of: target[to]
                    for of, to in zip(reference.fields, reference.target_fields, strict=True)
                    if _fits(target[to], dataset.field(of))
                }
        found[tuple(row[name] for name in dataset.key) or (number,)] = row
        stored[dataset.name] = list(found.values())
    return stored[dataset.name]


def _fits(value: Any, field: Field) -> bool:
    """A whole number can refer to a number, where that is whole."""
    return kind_of(field) != "whole" or value == int(value)


def _value(field: Field, dataset: Dataset, random: Random) -> Any:
    if not field.required and field.name not in dataset.key and random.random() < 0.3:
        return None
    return VALUES[kind_of(field)](random)


def _stamp(random: Random) -> datetime:
    return datetime.fromisoformat("2024-01-01") + timedelta(seconds=random.randrange(400_000))


VALUES: dict[Kind, Any] = {
    "string": lambda random: random.choice(TEXTS) + random.choice(["", "1", "2"]),
    "number": lambda random: Decimal(random.randrange(-500, 5_000)).scaleb(-random.randint(0, 3)),
    "whole": lambda random: Decimal(random.choice([0, 1, -7, 2**31, 10**25])),
    "boolean": lambda random: random.random() < 0.5,
    "date": lambda random: FIRST + timedelta(random.randrange(20)),
    "datetime": _stamp,
    "moment": lambda random: _stamp(random).replace(tzinfo=timezone(timedelta(hours=random.randint(-5, 5)))),
    "time": lambda random: time(random.randrange(24), random.randrange(60), random.randrange(60)),
    "duration": lambda random: timedelta(minutes=random.randrange(5_000)),
    "year": lambda random: random.randrange(1990, 2030),
    "month": lambda random: f"2024-{random.randint(1, 12):02}",
    "object": lambda random: Jsonb({"a": [1, 2.5, None], "b": random.choice(TEXTS)}),
    "array": lambda random: Jsonb([random.randrange(5), {"x": "y"}]),
}
