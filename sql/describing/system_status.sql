-- Gives the state of the whole system: files by state, records, figures, what waits for a refresh or for other files.
-- One row: one JSON object.
-- Reads ingest.files, ingest.batches, analytics.status, analytics.days, catalogue.proposals.

WITH latest AS (
    SELECT DISTINCT ON (path)
        state,
        dismissed_at
    FROM ingest.files
    ORDER BY path, version DESC
),

states AS (
    SELECT coalesce(json_object_agg(state, files ORDER BY state), '{}') AS files
    FROM (SELECT state, count(*) AS files FROM latest WHERE dismissed_at IS NULL GROUP BY state) AS counted
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

-- The newest day that has begun anywhere on Earth is no future day.
dated AS (
    SELECT
        coalesce(max(day) FILTER (WHERE NOT is_future), max(day)) AS last_day,
        json_build_object('count', count(*) FILTER (WHERE is_future), 'newest', max(day) FILTER (WHERE is_future))
            AS future_days
    FROM (
        SELECT
            day,
            day > (clock_timestamp() AT TIME ZONE 'UTC' + interval '14 hours')::date AS is_future
        FROM analytics.days
    ) AS days
),

waiting AS (
    SELECT count(*) AS batches
    FROM ingest.batches
    WHERE refreshed_as IS NULL
),

open_proposals AS (
    SELECT count(*) AS proposals
    FROM catalogue.proposals
    WHERE state = 'open'
)

SELECT json_build_object(
    'files', files,
    'datasets', datasets,
    'data_version', data_version,
    'first_day', first_day,
    'last_day', dated.last_day,
    'future_days', future_days,
    'last_calculated_at', last_calculated_at,
    'refresh_error', error_message,
    'batches_to_refresh', batches,
    'contracts', json_build_object('open_proposals', proposals),
    'unassigned_shipments', unassigned_shipments
)
FROM analytics.status, states, records, dated, waiting, open_proposals;
