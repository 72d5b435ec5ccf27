"""Statements about API keys, people and their sessions."""

KEYS = """
-- Finds the keys that are not revoked; expiry is checked in memory.
-- One row per key: digest, name, scopes, the rows that it may see as JSON (NULL: all), requests per second, expiry as
-- seconds since 1970.
-- Reads access.keys.
SELECT
    digest, name, scopes, row_access, requests_per_second::double precision,
    extract(epoch FROM expires_at)::double precision
FROM access.keys
WHERE revoked_at IS NULL
ORDER BY key_id
"""

SESSIONS = """
-- Finds sessions that are in force, of people who are not disabled.
-- One row per session: digest, person, name, groups, the rows that each of these may see as a list of JSON (NULL: all
-- rows), method, end, end if it is not used, as seconds since 1970.
-- Reads access.sessions, access.people and access.group_row_access.
SELECT
    session.digest,
    person.person_id,
    coalesce(person.email, person.name),
    person.groups,
    (
        SELECT json_agg(access.row_access ORDER BY access.group_name)
        FROM access.group_row_access AS access
        WHERE access.group_name = ANY(person.groups)
    ),
    session.method,
    extract(epoch FROM session.ends_at)::double precision,
    extract(epoch FROM session.idle_ends_at)::double precision
FROM access.sessions AS session
INNER JOIN access.people AS person ON session.person_id = person.person_id
WHERE
    session.digest = ANY(%(digests)s)
    AND session.ended_at IS NULL
    AND session.ends_at > clock_timestamp()
    AND session.idle_ends_at > clock_timestamp()
    AND person.disabled_at IS NULL
"""

SIGN_IN = """
-- Notes a person and starts a session.
-- One row: person, outcome (started, disabled or repeated).
-- Writes access.people and access.sessions.
SELECT person_id, outcome
FROM access.sign_in(
    %(issuer)s, %(subject)s, %(name)s, %(email)s, %(groups)s, %(zone)s, %(locale)s, %(digest)s, %(method)s,
    %(state_digest)s, make_interval(secs => %(idle_seconds)s), make_interval(secs => %(seconds)s)
)
"""

SIGN_OUT = """
-- Ends a session.
-- One row: its ID, NULL if there is none to end.
-- Writes access.sessions.
SELECT access.sign_out(%(digest)s)
"""

EXTEND_SESSIONS = """
-- Notes that sessions were used.
-- One row: how many.
-- Writes access.sessions.
SELECT access.extend_sessions(%(digests)s, make_interval(secs => %(idle_seconds)s))
"""
