"""Compares pre-aggregates with the records that they sum up: the proof that an incremental refresh is exact."""

from dataclasses import dataclass
from datetime import date

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.metrics.rollups import DAY, SCHEMA, contents_of, definition_checksum, from_document
from logistics_core.sql_files import read_sql
from logistics_pipeline.analytics.rollups import computed
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class RollupDifference:
    """A pre-aggregate that is not what a full recompute would make of it."""

    dataset: str
    table: str
    rows: int
    """Rows that it has and should not have, or the other way round."""


def rollup_differences(
    connection: Connection, catalogue: Catalogue, days: list[date] | None = None
) -> list[RollupDifference]:
    """The pre-aggregates with differences, on some days or on all. Those that wait to be made anew are left out.

    Cost: reads the records of these days. Meant for a transaction that sees no batch that waits for a refresh.
    """
    stored = connection.execute(
        "SELECT rollups.dataset, table_name, document, checksum FROM analytics.rollups "
        "JOIN analytics.rollup_datasets USING (dataset) WHERE replaced_at IS NULL ORDER BY table_name"
    ).fetchall()
    found = []
    for name, table, document, checksum in stored:
        dataset = catalogue.get(name)
        if dataset is None or definition_checksum(dataset) != checksum:
            continue
        rows = _differing_rows(connection, dataset, table, document, days)
        if rows:
            found.append(RollupDifference(name, table, rows))
    return found


def _differing_rows(
    connection: Connection, dataset: Dataset, table: str, document: dict[str, object], days: list[date] | None
) -> int:
    contents = contents_of(dataset)
    rollup = from_document(document, contents)
    assert rollup is not None  # the checksum is that of these contents
    days = None if dataset.dating is None else days
    which: sql.Composable = sql.SQL("true")
    if days is not None:
        which = sql.SQL("{} = ANY({}::date[])").format(sql.Identifier(DAY), sql.Literal(days))
    row = connection.execute(
        sql.SQL(read_sql("rollups/differences")).format(
            table=sql.Identifier(SCHEMA, table), days=which, computed=computed(dataset, rollup, contents, days)
        )
    ).fetchone()
    assert row is not None
    return int(row[0])
