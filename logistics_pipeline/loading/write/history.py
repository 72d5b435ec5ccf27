"""Keeps the records of a dataset that others supersede, as parts of the statements of a merge.

A row of the raw table that is overwritten moves to the table of superseded records; a record that arrives after its
successor goes there at once. So every accepted record is in one of the two tables, whatever the order of loads, and a
batch of new keys costs nothing. Whether records are kept is read from the database in each merge, not from the contract
that the load began with: it may have changed meanwhile, and so may the columns.
"""

from collections.abc import Sequence

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.sql_files import read_sql
from logistics_core.versions import SUCCESSOR
from logistics_pipeline.database.connections import Connection

_EXISTING = "_existing"
"""The column with a whole row of the raw table: no field begins with an underscore."""


class History:
    """The superseded records of a dataset, for merges of rows with certain columns."""

    def __init__(self, connection: Connection, dataset: Dataset, columns: Sequence[str]) -> None:
        self.columns: tuple[str, ...] | None = None
        """The columns of superseded records; None if they are not kept, or before `look`."""
        self._connection = connection
        self._dataset = dataset
        self._parts: dict[str, sql.Composable] = {
            "history": sql.Identifier("history", dataset.name),
            "columns": _list(columns),
            "key": _list(dataset.identity),
            "successor": sql.Identifier(SUCCESSOR),
        }

    @property
    def is_kept(self) -> bool:
        """Whether superseded records are to be kept."""
        return self.columns is not None

    def look(self) -> None:
        """Finds out whether they are kept, in the caller's transaction, which holds a lock on the raw table."""
        if not self._dataset.key:
            return  # its records are never superseded
        names = {"history": self._dataset.history_table, "dataset": self._dataset.name, "successor": SUCCESSOR}
        row = self._connection.execute(read_sql("history/kept_columns").encode(), names).fetchone()
        self.columns = tuple(row[0]) if row is not None and row[0] is not None else None

    @property
    def existing_row(self) -> sql.Composable:
        """What a merge finds beside the values that it compares: the row that is in the table."""
        if self.columns is None:
            return sql.SQL("")
        # A whole row: without the cast, a field that is called `existing` would be meant.
        return sql.SQL(", existing.record_no AS existing_record_no, existing.*::{} AS {}").format(
            sql.Identifier("raw", self._dataset.name), sql.Identifier(_EXISTING)
        )

    @property
    def superseding(self) -> sql.Composable:
        """The parts of a merge's statement that keep what it overwrites, and what arrives too late."""
        if self.columns is None:
            return sql.SQL("")
        values = [sql.SQL("({}).{}").format(sql.Identifier(_EXISTING), sql.Identifier(name)) for name in self.columns]
        parts = {"all_columns": _list(self.columns), "existing_values": sql.SQL(", ").join(values), **self._parts}
        return sql.SQL(", overwritten AS ({}), late AS ({})").format(
            *(sql.SQL(read_sql(f"history/{name}")).format(**parts) for name in ("overwritten", "late"))
        )

    def repeated(self, rows: sql.Composable) -> sql.SQL | sql.Composed:
        """The statement that keeps those of `rows` that lose their key to another one of them."""
        if self.columns is None:
            return sql.SQL("NULL")
        return sql.SQL(read_sql("history/repeated_in_batch")).format(**self._parts, stage=rows)


def _list(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
