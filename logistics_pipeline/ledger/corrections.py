"""Corrections people made to rejects of a file that is unloaded: kept, and restored by the file's next load."""

from dataclasses import dataclass

from psycopg.rows import class_row

from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class RemovedRejects:
    """What was removed with the rejects of a file."""

    rejects: int
    corrections: int
    """How many of the rejects had been corrected by hand: the next load of the file restores their corrections."""


def remove_rejects(connection: Connection, file_id: int) -> RemovedRejects:
    """Deletes the rejects of a file, their counts and its cleared values; keeps the corrections among the rejects."""
    connection.execute("DELETE FROM ingest.cleared_values WHERE file_id = %s", (file_id,))
    connection.execute("DELETE FROM ingest.reject_kinds WHERE file_id = %s", (file_id,))
    row = connection.execute(
        "WITH removed AS (DELETE FROM ingest.rejects WHERE file_id = %(file_id)s RETURNING record_no, raw, mended), "
        "kept AS (INSERT INTO ingest.mends SELECT %(file_id)s, record_no, raw, mended FROM removed "
        "WHERE mended IS NOT NULL ON CONFLICT (file_id, record_no) DO UPDATE SET mended = excluded.mended RETURNING 1) "
        "SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM kept)",
        {"file_id": file_id},
    ).fetchone()
    assert row is not None
    return RemovedRejects(*row)


@dataclass(frozen=True)
class Correction:
    """How a person had corrected a reject of a file that has been unloaded since."""

    record_no: int
    raw: bytes
    corrected: bytes


def corrections_to_restore(
    connection: Connection, file_id: int, after: int, records: int, size: int
) -> list[Correction]:
    """The next corrections after record `after` whose rejects are there again, unresolved.

    At most `records` of them; it stops before the one that would begin beyond `size` bytes.
    """
    with connection.cursor(row_factory=class_row(Correction)) as cursor:
        return cursor.execute(
            "SELECT record_no, raw, mended AS corrected FROM (SELECT mends.record_no, mends.raw, mends.mended, "
            "sum(octet_length(mends.raw) + octet_length(mends.mended)) OVER (ORDER BY mends.record_no) "
            "- octet_length(mends.raw) - octet_length(mends.mended) AS size_before "
            "FROM ingest.mends JOIN ingest.rejects USING (file_id, record_no) WHERE file_id = %s AND record_no > %s "
            "AND rejects.raw = mends.raw AND resolved_at IS NULL ORDER BY record_no LIMIT %s) AS next_ones "
            "WHERE size_before < %s ORDER BY record_no",
            (file_id, after, records, size),
        ).fetchall()


def forget_restored_corrections(connection: Connection, file_id: int) -> None:
    """Deletes the corrections of a file that are restored: the rejects that they resolved hold them again."""
    connection.execute(
        "DELETE FROM ingest.mends USING ingest.rejects WHERE mends.file_id = %s AND rejects.file_id = mends.file_id "
        "AND rejects.record_no = mends.record_no AND rejects.resolved_at IS NOT NULL",
        (file_id,),
    )
