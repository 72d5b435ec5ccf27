-- Finds the days on which a rule about files of a dataset, or of all of them, can be tried: since the first one came.
-- One row: first_day, UTC; NULL if there is none.
-- Reads ingest.files, by its indexes.

SELECT min(registered_at AT TIME ZONE 'UTC')::date AS first_day
FROM ingest.files
WHERE %(dataset)s::text IS NULL OR dataset = %(dataset)s;
