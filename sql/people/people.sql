-- Lists everybody who has signed in.
-- One row per person: as in access.people, with the number of sessions in force.
-- Reads access.people and access.sessions.
SELECT
    person.person_id,
    person.issuer,
    person.subject,
    person.name,
    person.email,
    person.groups,
    count(session.session_id)::integer AS sessions,
    person.added_at,
    person.signed_in_at,
    person.disabled_at
FROM access.people AS person
LEFT JOIN access.sessions AS session
    ON
        person.person_id = session.person_id
        AND session.ended_at IS NULL
        AND session.ends_at > clock_timestamp()
        AND session.idle_ends_at > clock_timestamp()
GROUP BY person.person_id
ORDER BY person.name, person.person_id
