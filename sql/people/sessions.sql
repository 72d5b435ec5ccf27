-- Lists the sessions that are in force.
-- One row per session, the one used last first; of one person with %(person_id)s, else of all.
-- Reads access.sessions and access.people.
SELECT
    session.session_id,
    session.person_id,
    person.name,
    person.email,
    session.method,
    session.started_at,
    session.seen_at,
    session.ends_at
FROM access.sessions AS session
INNER JOIN access.people AS person ON session.person_id = person.person_id
WHERE
    session.ended_at IS NULL
    AND session.ends_at > clock_timestamp()
    AND session.idle_ends_at > clock_timestamp()
    AND person.disabled_at IS NULL
    AND (%(person_id)s::bigint IS NULL OR session.person_id = %(person_id)s)
ORDER BY session.seen_at DESC, session.session_id DESC
