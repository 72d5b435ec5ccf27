-- Deletes rejects that a replay accepted long ago.
-- One row less per reject; an account counts such a record as loaded or superseded, so balances stay true. Those mended by
-- hand stay: a load of the file from the start takes the mended record from here.
-- Reads ingest.rejects.

DELETE FROM ingest.rejects
WHERE (file_id, record_no) IN (
    SELECT file_id, record_no
    FROM ingest.rejects
    WHERE resolved_at < clock_timestamp() - make_interval(days => %(days)s)
      AND mended IS NULL
    LIMIT %(rejects)s
);
