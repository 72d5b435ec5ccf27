-- Says that a worker does a duty.
-- No rows.
-- Writes alert.heartbeats.

INSERT INTO alert.heartbeats (duty, worker, at, problem)
VALUES (%(duty)s, %(worker)s, clock_timestamp(), %(problem)s)
ON CONFLICT (duty) DO UPDATE SET worker = excluded.worker, at = excluded.at, problem = excluded.problem
