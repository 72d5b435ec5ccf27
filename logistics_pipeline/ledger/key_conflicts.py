"""Records that have the key of another record and other values, counted for datasets whose key nobody has confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass

from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class KeyConflicts:
    """The records of a file that have the key of another record and other values."""

    records: int
    of_records: int
    """How many records of the file were looked at."""
    others: Mapping[int, str]
    """Paths of the files that the other records came from, by file; those of most records first."""
    is_within_file: bool
    """Whether some of the other records are of the file itself."""
    is_held: bool
    """Whether the file failed because of them."""


def count_key_conflicts(
    connection: Connection, file_id: int, conflicts: Mapping[int, int], of_records: int, *, is_held: bool
) -> None:
    """Adds the conflicts of one batch, by the file that the other record came from.

    Those that a file is held for replace the ones that it was held for before.
    """
    if is_held:
        forget_held_conflicts(connection, file_id)
    for other_id, records in sorted(conflicts.items()):
        connection.execute(
            "INSERT INTO ingest.key_conflicts AS known (file_id, other_file_id, is_held, records, of_records) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (file_id, other_file_id, is_held) DO UPDATE "
            "SET records = known.records + excluded.records, of_records = known.of_records + excluded.of_records",
            (file_id, other_id, is_held, records, of_records),
        )


def key_conflicts(connection: Connection, file_id: int) -> KeyConflicts | None:
    """The conflicts that a file is held for or, if it is not held, those of its records in the table; None if none."""
    rows = connection.execute(
        "SELECT other_file_id, path, records, of_records, is_held FROM ingest.key_conflicts AS conflict "
        "LEFT JOIN ingest.files AS other ON other.file_id = conflict.other_file_id "
        "WHERE conflict.file_id = %s AND is_held = "
        "(SELECT bool_or(is_held) FROM ingest.key_conflicts WHERE file_id = %s) ORDER BY records DESC, other_file_id",
        (file_id, file_id),
    ).fetchall()
    if not rows:
        return None
    return KeyConflicts(
        records=sum(row[2] for row in rows),
        of_records=max(row[3] for row in rows),
        others={other_id: path for other_id, path, *_ in rows if other_id != file_id and path is not None},
        is_within_file=any(row[0] == file_id for row in rows),
        is_held=rows[0][4],
    )


def other_versions(connection: Connection, file_id: int) -> set[int]:
    """The other versions of a file: what it replaces in those, it corrects."""
    rows = connection.execute(
        "SELECT other.file_id FROM ingest.files AS other JOIN ingest.files AS file USING (path) "
        "WHERE file.file_id = %s AND other.file_id <> file.file_id",
        (file_id,),
    ).fetchall()
    return {row[0] for row in rows}


def files_known_to_conflict(connection: Connection, file_id: int) -> set[int]:
    """Files that were loaded although some of their records have keys of this one: people were warned of them."""
    rows = connection.execute(
        "SELECT file_id FROM ingest.key_conflicts "
        "WHERE other_file_id = %s AND file_id <> other_file_id AND NOT is_held",
        (file_id,),
    ).fetchall()
    return {row[0] for row in rows}


def forget_held_conflicts(connection: Connection, file_id: int) -> None:
    """Forgets what a file was held for, as it is loaded again."""
    connection.execute("DELETE FROM ingest.key_conflicts WHERE file_id = %s AND is_held", (file_id,))


def forget_key_conflicts(connection: Connection, file_id: int) -> None:
    """Forgets all conflicts of a file, in the transaction that removes its rows."""
    connection.execute("DELETE FROM ingest.key_conflicts WHERE file_id = %s", (file_id,))
