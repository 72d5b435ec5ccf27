-- Finds the block range indexes of tables with batches that wait for a refresh: by day, and by file.
-- One row per index: its name, with the schema.
-- Reads ingest.batches, ingest.files and the catalogue of PostgreSQL.

SELECT DISTINCT class.oid::regclass::text
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
JOIN pg_class AS raw ON raw.relname = file.dataset AND raw.relnamespace = 'raw'::regnamespace
JOIN pg_index AS index ON index.indrelid = raw.oid AND index.indisvalid
JOIN pg_class AS class ON class.oid = index.indexrelid
JOIN pg_am AS method ON method.oid = class.relam AND method.amname = 'brin'
WHERE batch.refreshed_as IS NULL
