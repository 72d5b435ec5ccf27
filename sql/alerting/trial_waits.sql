-- Says whether the trial of a rule waits, or one whose worker's lease has ended.
-- One row.
-- Reads alert.trials, by its index of those that wait.
SELECT count(*) > 0 AS waits
FROM alert.trials
WHERE state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp())
