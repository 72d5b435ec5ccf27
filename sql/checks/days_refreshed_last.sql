-- Finds the days that the last refresh recomputed, or some of them.
-- One row per day.
-- Reads the newest rows of ingest.batches that a refresh has processed, and analytics.status.

SELECT DISTINCT unnest(batch.stale_days) AS day
FROM (
    SELECT refreshed_as, stale_days
    FROM ingest.batches
    WHERE refreshed_as IS NOT NULL
    ORDER BY batch_id DESC
    LIMIT 100  -- The refresh notes its days in its newest batch; one that was long in committing may stand further back.
) AS batch
JOIN analytics.status ON batch.refreshed_as = status.data_version
ORDER BY day;
