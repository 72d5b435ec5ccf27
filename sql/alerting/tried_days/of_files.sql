-- Finds the days on which a rule about files of a dataset, or of all of them, can be tried: since the first one came.
-- One row: first_day, NULL if there is none; yesterday. UTC.
-- Reads ingest.files, by its indexes.

SELECT
    min(registered_at AT TIME ZONE 'UTC')::date AS first_day,
    (clock_timestamp() AT TIME ZONE 'UTC')::date - 1 AS yesterday
FROM ingest.files
WHERE %(dataset)s::text IS NULL OR dataset = %(dataset)s;
