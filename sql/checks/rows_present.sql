-- Asks whether a raw table has rows, and how many its files have loaded.
-- One row.
-- Reads the first row of the raw table, and ingest.files.

SELECT
    EXISTS (SELECT 1 FROM {table}) AS has_rows, -- noqa: CP03, LT01, LT06
    (SELECT coalesce(sum(records_loaded), 0)::bigint FROM ingest.files WHERE dataset = %(dataset)s) AS records_loaded;
