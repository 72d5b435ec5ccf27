-- Stores what came of the trial of a rule, unless another worker has leased it since.
-- No rows.
-- Writes alert.trials.
UPDATE alert.trials
SET
    state = CASE WHEN %(error)s::text IS NULL THEN 'done' ELSE 'failed' END,
    lease_until = NULL,
    finished_at = clock_timestamp(),
    result = %(result)s::jsonb,
    error = left(%(error)s::text, 2000)
WHERE trial_id = %(trial_id)s AND state = 'running' AND attempts = %(attempts)s
