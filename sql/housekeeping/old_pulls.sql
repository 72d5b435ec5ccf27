-- Deletes old pulls with their pages, adds them to source.totals, and returns which ones they were.
-- One row per pull (source, resource, pull_id).
-- Reads and writes source.pulls; writes source.totals. Kept are the newest pulls of each resource, those whose time a newer
-- one read again, and those of parents (%(sources)s, %(resources)s).

WITH newest AS (
    SELECT DISTINCT ON (source, resource) source, resource, pull_id, window_start
    FROM source.pulls
    WHERE state IN ('complete', 'unchanged') AND NOT is_backfill
    ORDER BY source, resource, pull_id DESC
),
newest_with_records AS (
    SELECT max(pull_id) AS pull_id
    FROM source.pulls
    WHERE state IN ('complete', 'unchanged') AND records_landed > 0
    GROUP BY source, resource
),
deleted AS (
    DELETE FROM source.pulls
    USING newest
    WHERE pulls.source = newest.source AND pulls.resource = newest.resource
        AND pulls.pull_id < newest.pull_id
        AND pulls.finished_at < clock_timestamp() - make_interval(days => %(days)s)
        AND pulls.state IN ('complete', 'unchanged', 'abandoned')
        AND (pulls.window_end IS NULL OR newest.window_start IS NULL OR pulls.window_end < newest.window_start)
        AND pulls.pull_id NOT IN (SELECT pull_id FROM newest_with_records WHERE pull_id IS NOT NULL)
        AND (pulls.source, pulls.resource) NOT IN (SELECT * FROM unnest(%(sources)s::text[], %(resources)s::text[]))
    RETURNING pulls.*
),
added AS (
    INSERT INTO source.totals AS total (
        source, resource, pulls, pages, records, requests, retries, rate_limited, bytes_received, seconds
    )
    SELECT source, resource, count(*), sum(pages), sum(records), sum(requests), sum(retries), sum(rate_limited),
           sum(bytes_received), sum(seconds)
    FROM deleted
    GROUP BY source, resource
    ON CONFLICT (source, resource) DO UPDATE SET
        pulls = total.pulls + excluded.pulls, pages = total.pages + excluded.pages,
        records = total.records + excluded.records, requests = total.requests + excluded.requests,
        retries = total.retries + excluded.retries, rate_limited = total.rate_limited + excluded.rate_limited,
        bytes_received = total.bytes_received + excluded.bytes_received, seconds = total.seconds + excluded.seconds
)
SELECT source, resource, pull_id FROM deleted
