"""Checks of the rows of a raw table."""

from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.model import NUMERIC_TYPES
from logistics_pipeline.analytics.checks.model import Finding
from logistics_pipeline.analytics.checks.queries import fetch_all, fetch_one
from logistics_pipeline.analytics.checks.wording import percent
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import pages_of

SAMPLE_PAGES = 100
"""A sample is taken from this many of PostgreSQL's pages (8 kB, some 80 rows)."""

NULL_LIMIT_PERCENT = 50
NULL_RISE_PERCENT = 20


def rows_present(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """The raw table has rows if, by the ledger, files loaded some. Cost: reads its first row and the ledger's sum."""
    has_rows, loaded = fetch_one(connection, "rows_present", table=_table(dataset), dataset=dataset.name)
    figures = {"records_loaded": loaded}
    if loaded and not has_rows:
        return Finding.error(f"{dataset.table} is empty, but its files have loaded {loaded:,} rows.", figures)
    if has_rows and not loaded:
        return Finding.error(f"{dataset.table} has rows, but by the ledger no file has loaded any.", figures)
    if not loaded:
        return Finding.warning(
            f"Nothing is loaded: no file of {dataset.name} has contained a valid record yet.", figures
        )
    return Finding.passing(f"{loaded:,} rows.", figures)


def null_share(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """Measures have values in most of the newest rows, and nearly as often as in the whole table.

    A measure that no row has was never delivered, so nothing is lost.

    Cost: reads 200 pages of the table, whatever its size: the last 100 and 100 random ones, the same ones while the
    table does not change. Asked to check everything, it reads the whole table. On a cluster,
    the last pages are those of every shard.
    """
    measures = [field.name for field in dataset.fields if field.type in NUMERIC_TYPES and not field.required]
    pages = pages_of(connection, dataset)
    (_, rows, *newest), (_, sampled, *anywhere) = fetch_all(
        connection,
        "null_shares",
        table=_table(dataset),
        counts=sql.SQL("").join(sql.SQL(", count({})").format(sql.Identifier(name)) for name in measures),
        first_newest=f"({max(0, pages.largest - SAMPLE_PAGES)},0)",
        percent=100 if whole else min(100, 100 * SAMPLE_PAGES / max(1, pages.all)),
        seed=pages.all,
    )
    shares = {
        name: (percent(rows - new, rows), percent(sampled - old, sampled))
        for name, new, old in zip(measures, newest, anywhere, strict=True)
    }
    figures: dict[str, Any] = {"newest_rows": rows, "sampled_rows": sampled}
    figures |= {f"{name}_null_percent": newest for name, (newest, _) in shares.items()}
    missing = [
        f"{name} is missing in {newest:.1f} % of the newest {rows:,} rows ({anywhere:.1f} % of all)"
        for name, (newest, anywhere) in shares.items()
        if anywhere < 100 and (newest > NULL_LIMIT_PERCENT or newest > anywhere + NULL_RISE_PERCENT)
    ]
    if missing:
        return Finding.warning(f"A feed may have lost a measure: {'; '.join(missing)}.", figures)
    return Finding.passing(f"The measures of the newest {rows:,} rows are present as usual.", figures)


def _table(dataset: Dataset) -> sql.Identifier:
    return sql.Identifier("raw", dataset.name)
