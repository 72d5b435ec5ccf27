-- Ends all sessions of a person.
-- One row per session that was in force.
-- Writes access.sessions.
UPDATE access.sessions
SET ended_at = clock_timestamp(), ended_because = %(reason)s
WHERE
    person_id = %(person_id)s
    AND ended_at IS NULL
    AND ends_at > clock_timestamp()
    AND idle_ends_at > clock_timestamp()
