"""Brings records back that a file had superseded, when the file is removed, from where superseded records are kept.

The table then is what it would be without the file: of each key the record registered last of all others, with its
original file and number. Nothing has to be read again. Two steps, around the removal of the file's rows: before it, the
keys are there to look for; after it, they are free.
"""

from psycopg import sql

from logistics_core import versions
from logistics_core.catalogue import Dataset
from logistics_core.row_days import day_of_row
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection

_RESTORED = sql.Identifier("pg_temp", "restored")


class Restoring:
    """The records that come back when a file is removed, in the caller's transaction, while nobody else writes."""

    def __init__(self, connection: Connection, dataset: Dataset, file_id: int) -> None:
        self._connection = connection
        self._dataset = dataset
        self._file_id = file_id
        self._columns = self._find_columns()

    def find(self) -> None:
        """Finds them, while the rows of the file are still there."""
        if not self._columns:
            return
        identity = self._dataset.identity
        self._connection.execute(
            self._statement("restorable", identity=_list(identity), key=_list(identity), file_id=self._file)
        )

    def bring_back(self) -> int:
        """Puts them into the table once the rows of the file are gone; returns how many there are."""
        if not self._columns:
            return 0
        self._connection.execute(
            self._statement(
                "remove_file",
                file_id=self._file,
                successor=sql.Identifier(versions.SUCCESSOR),
                no_file=sql.Literal(versions.END),
            )
        )
        total = 0
        for file_id, records, filled in self._connection.execute(self._restore()).fetchall():
            ledger.bring_back(self._connection, file_id, records)
            ledger.count_cells(self._connection, file_id, self._dataset.columns, {file_id: filled}, {})
            total += records
        # A transaction may remove several files.
        self._connection.execute(sql.SQL("DROP TABLE {}").format(_RESTORED))
        return total

    def _find_columns(self) -> tuple[str, ...]:
        """The columns of the superseded records; empty if there is no table of them."""
        if not self._dataset.key:
            return ()
        found = self._connection.execute(read_sql("raw/columns").encode(), {"table": self._dataset.history_table})
        return tuple(name for name, _ in found.fetchall() if name != versions.SUCCESSOR)

    @property
    def _file(self) -> sql.Literal:
        return sql.Literal(self._file_id)

    def _statement(self, name: str, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(read_sql(f"history/{name}")).format(
            table=sql.Identifier("raw", self._dataset.name),
            history=sql.Identifier("history", self._dataset.name),
            restored=_RESTORED,
            **parts,
        )

    def _restore(self) -> sql.Composed:
        dataset, dating = self._dataset, self._dataset.dating
        collected, nothing = sql.SQL("array_agg(touched)"), sql.SQL("'{}'")
        return self._statement(
            "restore",
            older_key=_list(dataset.identity, "older"),
            restored_key=_list(dataset.identity, "restored"),
            columns=_list(self._columns),
            dated_by=dated_by(dataset),
            had_values=sql.SQL(", ").join(
                sql.SQL("{} IS NOT NULL").format(sql.Identifier(name)) for name in dataset.columns
            ),
            stale_days=collected if dating is not None and dating.is_own else nothing,
            stale_keys=collected if dating is not None and not dating.is_own else nothing,
            filled=sql.SQL(", ").join(
                sql.SQL("count(*) FILTER (WHERE had_values[{}])").format(sql.Literal(place))
                for place, _ in enumerate(dataset.columns, start=1)
            ),
        )


def dated_by(dataset: Dataset) -> sql.Composable:
    """What dates a row: its day, or the key of the dataset that dates this one."""
    if dataset.dating is None:
        return sql.SQL("NULL::text")
    return day_of_row(dataset) or sql.SQL("{}::text").format(sql.Identifier(dataset.dating.field))


def _list(columns: tuple[str, ...], table: str | None = None) -> sql.Composed:
    qualified = [sql.Identifier(column) if table is None else sql.Identifier(table, column) for column in columns]
    return sql.SQL(", ").join(qualified)
