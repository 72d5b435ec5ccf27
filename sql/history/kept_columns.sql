-- Lists the columns of a dataset's superseded records, if these are kept now.
-- One row: their names, or NULL.
-- Reads ingest.histories and the catalogue of PostgreSQL.

SELECT array_agg(attname::text ORDER BY attnum)
FROM pg_attribute
WHERE
    attrelid = to_regclass(%(history)s) AND attnum > 0 AND NOT attisdropped AND attname <> %(successor)s
    AND EXISTS (SELECT FROM ingest.histories WHERE dataset = %(dataset)s AND ended_at IS null)
