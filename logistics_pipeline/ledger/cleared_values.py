"""Cleared values: invalid values of optional fields that are stored as NULL, kept as they were delivered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg.rows import class_row

from logistics_pipeline.database.connections import Connection


def keep_cleared_values(connection: Connection, file_id: int, values: Iterable[tuple[int, str, str, bytes]]) -> None:
    """Writes values of a file, each as (record number, field, reason, raw value), in the caller's transaction."""
    rows = list(values)
    if not rows:
        return
    statement = "COPY ingest.cleared_values (file_id, record_no, field, reason, raw) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["int4", "int8", "text", "text", "bytea"])
        for row in rows:
            copy.write_row((file_id, *row))


@dataclass(frozen=True)
class ClearedValueInFile:
    """A row of `ingest.cleared_values` with its file's path and version."""

    path: str
    version: int
    record_no: int
    field: str
    reason: str
    raw: bytes


def cleared_values(connection: Connection, *, path: str | None = None) -> Iterator[ClearedValueInFile]:
    """Yields cleared values in file and record order, of one path if given. Constant memory."""
    with (
        connection.transaction(),
        connection.cursor("cleared_values", row_factory=class_row(ClearedValueInFile)) as cursor,
    ):
        cursor.execute(
            "SELECT path, version, record_no, field, reason, raw "
            "FROM ingest.cleared_values JOIN ingest.files USING (file_id) "
            "WHERE %(path)s::text IS NULL OR path = %(path)s ORDER BY file_id, record_no, field",
            {"path": path},
            binary=True,
        )
        yield from cursor
