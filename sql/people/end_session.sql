-- Ends a session.
-- One row less in force.
-- Writes access.sessions.
UPDATE access.sessions
SET ended_at = clock_timestamp(), ended_because = 'ended by an administrator'
WHERE
    session_id = %(session_id)s
    AND ended_at IS NULL
    AND ends_at > clock_timestamp()
    AND idle_ends_at > clock_timestamp()
