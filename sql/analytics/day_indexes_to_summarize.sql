-- Finds the indexes of days that are block range indexes of tables with batches that wait for a refresh.
-- One row per index: its name, with the schema.
-- Reads ingest.batches, ingest.files and the catalogue of PostgreSQL.

SELECT DISTINCT class.oid::regclass::text
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
JOIN pg_class AS class ON class.relname = file.dataset || ' by day' AND class.relnamespace = 'raw'::regnamespace
JOIN pg_am AS method ON method.oid = class.relam AND method.amname = 'brin'
WHERE batch.refreshed_as IS NULL
