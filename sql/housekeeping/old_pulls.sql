-- Deletes old pulls with their pages, and returns which ones they were. The sums in source.totals hold them already.
-- One row per pull (source, resource, pull_id).
-- Reads and writes source.pulls. Kept are the newest pulls of each resource, those whose time a newer
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
)
SELECT source, resource, pull_id FROM deleted
