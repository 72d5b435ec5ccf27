-- Gives the state of the whole system: files by state, records, figures, what waits for a refresh or for other files.
-- One row: one JSON object.
-- Reads ingest.files, ingest.batches, analytics.status.

WITH latest AS (
    SELECT DISTINCT ON (path) state
    FROM ingest.files
    ORDER BY path, version DESC
),

states AS (
    SELECT coalesce(json_object_agg(state, files ORDER BY state), '{}') AS files
    FROM (SELECT state, count(*) AS files FROM latest GROUP BY state) AS counted
),

records AS (
    SELECT coalesce(
        json_object_agg(
            dataset,
            json_build_object('read', read, 'loaded', loaded, 'superseded', superseded, 'rejected', rejected)
            ORDER BY dataset
        ),
        '{}'
    ) AS datasets
    FROM (
        SELECT
            dataset,
            sum(records_read) AS read,
            sum(records_loaded) AS loaded,
            sum(records_superseded) AS superseded,
            sum(records_rejected) AS rejected
        FROM ingest.files
        WHERE dataset IS NOT NULL
        GROUP BY dataset
    ) AS counted
),

waiting AS (
    SELECT count(*) AS batches
    FROM ingest.batches
    WHERE refreshed_as IS NULL
)

SELECT json_build_object(
    'files', files,
    'datasets', datasets,
    'data_version', data_version,
    'first_day', first_day,
    'last_day', last_day,
    'last_calculated_at', last_calculated_at,
    'refresh_error', error_message,
    'batches_to_refresh', batches,
    'unassigned_shipments', unassigned_shipments
)
FROM analytics.status, states, records, waiting;
