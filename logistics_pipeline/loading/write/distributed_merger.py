"""Merges rows into a table that is distributed over the nodes of a cluster, and keeps its key unique there.

A merge finds rows by their position and changes them while it compares, which no statement over several nodes can do.
So the rows concerned come to the coordinator, into a table of the session; the same statement as on one server merges
them there; and what it changed is deleted and written on the nodes. A row that another loader has changed in the
meantime is not found there any more, or its key is taken: then nothing is written, and the merge is repeated.

A node sees only its own rows. Where the key does not contain what the table is distributed by, `keys.<dataset>` has the
key of every record and the value that leads to it, and changes in the same transaction as the record. Its unique key
holds for all nodes.

Memory: as `merger`. PostgreSQL writes the rows concerned to disk where they are many.
"""

from collections.abc import Iterable

from psycopg import errors, sql

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.distribution import SCHEMA, distribution_of, has_key_table
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import is_distributed
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.write.merger import Merger
from logistics_pipeline.loading.write.statement_parts import column_list

_JUST_CHANGED = "Another loader changed one of these rows at the same moment; merging again"


class DistributedMerger(Merger):
    """Merges rows into the distributed table of a dataset, in the caller's transactions."""

    def __init__(self, connection: Connection, dataset: Dataset) -> None:
        super().__init__(connection, dataset)
        found = distribution_of(dataset)
        assert found is not None
        self._column = found.column
        self._has_key_table = has_key_table(dataset, found.column)
        nodes, self.table = self.table, sql.Identifier(f"held_{dataset.name}")
        self._parts = {
            "table": nodes,
            "held": self.table,
            "keys": sql.Identifier(SCHEMA, dataset.name),
            "columns": column_list(self.columns),
            "identity": column_list(dataset.identity),
            "existing_identity": column_list(dataset.identity, "existing"),
            "changed_identity": column_list(dataset.identity, "changed"),
            "distributed_by": sql.Identifier(self._column),
            "key_columns": column_list((*dataset.key, self._column)),
        }

    def prepare(self) -> None:
        """Makes the caller's transaction ready for merging."""
        super().prepare()
        self._connection.execute(self._statement("held"))
        self._connection.execute(sql.SQL("TRUNCATE {}").format(self.table))

    @property
    def is_distributed(self) -> bool:
        """Whether the rows lie on several nodes."""
        return True

    def has_any_of(self, text: bytes) -> bool:
        """Not looked up: a sample would be sent to all nodes. COPY finds a known key, in the first batch of a file."""
        return False

    def look_up(self, rows: sql.Composable) -> None:
        """Fetches the rows that have the keys of `rows`.

        Raises:
            TransientError: another loader was just moving one of them: the old row is still on one node, and the new
                one already on another.
        """
        try:
            self._connection.execute(self._statement("look_up", rows=rows))
        except errors.UniqueViolation as error:
            raise TransientError(_JUST_CHANGED) from error

    def write_back(self) -> None:
        """Replaces on the nodes what the merge has changed.

        Raises:
            TransientError: another loader changed one of the rows in the meantime.
            psycopg.errors.InternalError_: another loader wrote one of the keys; see `changing_rows`.
        """
        changed = self._count("count_overwritten")
        if changed and self._execute("delete_overwritten") != changed:
            raise TransientError(_JUST_CHANGED)
        self._execute("insert_changed")
        if self._has_key_table:
            self._execute("delete_moved_keys")
            self._execute("insert_keys")

    def copy_keys(self, texts: Iterable[bytes]) -> None:
        """Writes the keys of rows that COPY has just written, given as its text, if a table of its own has them."""
        if not self._has_key_table:
            return
        places = [self.columns.index(name) for name in (*self.dataset.key, self._column)]
        last = max(places) + 1
        with self._connection.cursor() as cursor, cursor.copy(self._statement("copy_keys")) as copy:
            for text in texts:
                rows = (line.split(b"\t", last) for line in text.splitlines())
                copy.write(b"".join([b"\t".join([row[place] for place in places]) + b"\n" for row in rows]))

    def _execute(self, name: str) -> int:
        return self._connection.execute(self._statement(name)).rowcount

    def _count(self, name: str) -> int:
        row = self._connection.execute(self._statement(name)).fetchone()
        assert row is not None
        return int(row[0])

    def _statement(self, name: str, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(read_sql(f"loading/distributed/{name}")).format(**self._parts, **parts)


def merger_of(connection: Connection, dataset: Dataset) -> Merger:
    """What merges rows into the table of a dataset, wherever they lie."""
    return (DistributedMerger if is_distributed(connection, dataset) else Merger)(connection, dataset)


def delete_keys_of_file(connection: Connection, dataset: Dataset, file_id: int) -> None:
    """Deletes the keys of a file's records from the table that keeps them unique, before the records are deleted."""
    found = distribution_of(dataset)
    if found is None or not has_key_table(dataset, found.column):
        return
    connection.execute(
        sql.SQL(read_sql("loading/distributed/delete_keys_of_file")).format(
            table=sql.Identifier("raw", dataset.name),
            keys=sql.Identifier(SCHEMA, dataset.name),
            file_id=sql.Literal(file_id),
            identity=column_list(dataset.identity),
            existing_identity=column_list(dataset.identity, "existing"),
            removed_identity=column_list(dataset.identity, "removed"),
        )
    )
