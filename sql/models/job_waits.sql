-- Says whether a job waits, or one whose worker's lease has ended.
-- One row.
-- Reads models.jobs.
SELECT count(*) > 0 AS waits
FROM models.jobs
WHERE state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp())
