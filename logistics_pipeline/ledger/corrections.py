"""What people had mended of a file that is taken out: remembered, and put back by the file's next load."""

from dataclasses import dataclass

from psycopg.rows import class_row

from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class RejectsTakenOut:
    """What became of the rejects of a file that was taken out."""

    rejects: int
    mends: int
    """Of these had been mended by hand: the next load of the file puts them back."""


def take_out_rejects(connection: Connection, file_id: int) -> RejectsTakenOut:
    """Deletes the rejects of a file; remembers how those were mended that were."""
    row = connection.execute(
        "WITH gone AS (DELETE FROM ingest.rejects WHERE file_id = %(file_id)s RETURNING record_no, raw, mended), "
        "kept AS (INSERT INTO ingest.mends SELECT %(file_id)s, record_no, raw, mended FROM gone "
        "WHERE mended IS NOT NULL ON CONFLICT (file_id, record_no) DO UPDATE SET mended = excluded.mended RETURNING 1) "
        "SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM kept)",
        {"file_id": file_id},
    ).fetchone()
    assert row is not None
    return RejectsTakenOut(*row)


@dataclass(frozen=True)
class Mend:
    """How a person had mended a reject of a file that was taken out since."""

    record_no: int
    raw: bytes
    mended: bytes


def mends_to_put_back(connection: Connection, file_id: int, after: int, records: int, size: int) -> list[Mend]:
    """The next mends behind `after` of rejects that are there again, unresolved: at most so many, or so many bytes."""
    with connection.cursor(row_factory=class_row(Mend)) as cursor:
        return cursor.execute(
            "SELECT record_no, raw, mended FROM (SELECT mends.record_no, mends.raw, mends.mended, "
            "sum(octet_length(mends.raw) + octet_length(mends.mended)) OVER (ORDER BY mends.record_no) "
            "- octet_length(mends.raw) - octet_length(mends.mended) AS size_before "
            "FROM ingest.mends JOIN ingest.rejects USING (file_id, record_no) WHERE file_id = %s AND record_no > %s "
            "AND rejects.raw = mends.raw AND resolved_at IS NULL ORDER BY record_no LIMIT %s) AS next_ones "
            "WHERE size_before < %s ORDER BY record_no",
            (file_id, after, records, size),
        ).fetchall()


def forget_mends(connection: Connection, file_id: int) -> None:
    """Deletes the mends of a file that are in place again: the rejects that they resolved remember them."""
    connection.execute(
        "DELETE FROM ingest.mends USING ingest.rejects WHERE mends.file_id = %s AND rejects.file_id = mends.file_id "
        "AND rejects.record_no = mends.record_no AND rejects.resolved_at IS NOT NULL",
        (file_id,),
    )
