-- Leases the job that has waited longest, or whose worker's lease has ended, for some seconds.
-- One row: the job; none if nothing waits.
-- Reads models.models.
UPDATE models.jobs AS job
SET
    state = 'running',
    lease = gen_random_uuid(),
    lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
    attempts = job.attempts + 1,
    started_at = coalesce(job.started_at, clock_timestamp())
FROM models.models AS model
WHERE
    job.model = model.model
    AND job.job_id = (
        SELECT waiting.job_id
        FROM models.jobs AS waiting
        WHERE waiting.state = 'queued' OR (waiting.state = 'running' AND waiting.lease_until < clock_timestamp())
        ORDER BY waiting.requested_at, waiting.job_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
RETURNING
    job.job_id,
    job.model,
    job.version,
    job.lease,
    job.rows,
    job.rows_done,
    job.attempts,
    model.kind,
    extract(EPOCH FROM job.started_at - job.requested_at)::double precision AS queue_seconds
