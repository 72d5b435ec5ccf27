-- Leases the trial of a rule that has waited longest, or whose worker has died, for some seconds.
-- One row: the trial, and how often it was leased; none if nothing waits.
-- Writes alert.trials.
UPDATE alert.trials AS trial
SET
    state = 'running',
    lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
    attempts = trial.attempts + 1
WHERE
    trial.trial_id = (
        SELECT waiting.trial_id
        FROM alert.trials AS waiting
        WHERE waiting.state = 'queued' OR (waiting.state = 'running' AND waiting.lease_until < clock_timestamp())
        ORDER BY waiting.requested_at, waiting.trial_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
RETURNING trial.trial_id, trial.name, trial.definition, trial.days, trial.attempts
