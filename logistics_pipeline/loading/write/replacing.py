"""Replaces rows whose keys are in the table by later ones: deletes those that are superseded, then copies all.

COPY writes rows much faster than UPDATE does, and what a DELETE returns is all that the ledger has to know of the old
rows. It only serves where every row of the batch is the latest of its key, as in a new delivery. If one is not, COPY
finds its key in the table; then the batch is merged (`merger`).
"""

from collections.abc import Sequence

from psycopg import errors, sql

from logistics_core.catalogue import Dataset
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.write.merger import Merged, Merger
from logistics_pipeline.loading.write.statement_parts import column_list, had_values, lost_cells, touched_value


class SupersededRowError(Exception):
    """Not every row is the latest of its key: nothing may be written before they are merged."""


class Replacer:
    """Replaces rows of the table of a dataset, in the caller's transactions."""

    def __init__(self, connection: Connection, merger: Merger) -> None:
        self._connection = connection
        self._merger = merger
        self._has_replaced = False
        """Then a repeated key is not looked for: where it matters, COPY finds it."""
        dataset = merger.dataset
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN").format(merger.table, column_list(merger.columns))
        self._delete = sql.SQL(read_sql("loading/delete_superseded")).format(
            table=merger.table,
            stage=merger.stage,
            key=column_list(dataset.key),
            columns=column_list(_needed_columns(dataset)),
            existing_key=column_list(dataset.key, "existing"),
            staged_key=column_list(dataset.key, "staged"),
            touched=touched_value(dataset),
            had_values=had_values(dataset),
            lost=lost_cells(dataset),
        )

    def replace(self, texts: Sequence[bytes], file_id: int, filled: Sequence[int]) -> Merged | None:
        """Replaces rows of a file given as COPY text; None, with nothing written, if only a merge can do that.

        `filled` are the cells with a value of all these rows, by column.

        Raises:
            SupersededRowError: the transaction cannot go on.
            psycopg.Error: PostgreSQL refused a row.
        """
        text = b"".join(texts)
        self._merger.prepare()
        if not (self._can_replace() and (self._has_replaced or self._has_one_row_per_key(text))):
            return None
        self._merger.fill_stage(text)
        merged = self._delete_superseded()
        with self._connection.cursor() as cursor:
            try:
                with cursor.copy(self._copy) as copy:
                    copy.write(text)
            except errors.UniqueViolation as error:
                raise SupersededRowError from error
        self._has_replaced = True
        merged.written[file_id] += text.count(b"\n")
        merged.count_filled(file_id, filled)
        return merged

    def _can_replace(self) -> bool:
        """Whether no row is to be kept or compared, and nobody but the loader itself minds that rows are deleted."""
        dataset = self._merger.dataset
        if not dataset.key or not dataset.is_key_confirmed or self._merger.keeps_history:
            return False
        # Under the lock of `prepare`, which also whoever adds a trigger or a foreign key has to wait for.
        has_triggers = "SELECT relhastriggers FROM pg_class WHERE oid = %s::regclass"
        return self._connection.execute(has_triggers, (dataset.table,)).fetchone() == (False,)

    def _has_one_row_per_key(self, text: bytes) -> bool:
        return not self._merger.has_repeated_keys(text.splitlines())

    def _delete_superseded(self) -> Merged:
        merged = Merged()
        for file_id, touched, count, lost in self._connection.execute(self._delete):
            merged.overwritten[file_id] += count
            merged.count_filled(file_id, lost)
            self._merger.note_touched(merged, touched)
        return merged


def _needed_columns(dataset: Dataset) -> list[str]:
    """The columns of a row that tell which one it replaces, and what that makes stale."""
    dating = [] if dataset.dating is None else [dataset.dating.field]
    return list(dict.fromkeys([*dataset.key, *dating, "record_no", "file_id"]))
