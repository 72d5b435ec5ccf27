-- Notes when a rule was evaluated, and what came of it.
-- No rows.
-- Writes alert.evaluations.

INSERT INTO alert.evaluations (rule, evaluated_at, data_version, subjects, seconds, error)
VALUES (%(rule)s, %(moment)s, %(data_version)s, %(subjects)s, %(seconds)s, %(error)s)
ON CONFLICT (rule) DO UPDATE
SET evaluated_at = excluded.evaluated_at, data_version = excluded.data_version, subjects = excluded.subjects,
    seconds = excluded.seconds, error = excluded.error
