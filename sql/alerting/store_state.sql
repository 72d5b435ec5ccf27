-- Stores where a subject of a rule stands.
-- No rows.
-- Writes alert.states.

INSERT INTO alert.states (rule, labels, state, since, unknown_since, unknown_fires, value)
VALUES (%(rule)s, %(labels)s, %(state)s, %(since)s, %(unknown_since)s, %(unknown_fires)s, %(value)s)
ON CONFLICT (rule, labels) DO UPDATE
SET state = excluded.state, since = excluded.since, unknown_since = excluded.unknown_since,
    unknown_fires = excluded.unknown_fires, value = excluded.value
