-- Finds a person by number, or by e-mail address, subject or name.
-- One row per person: their ID.
-- Reads access.people.
SELECT person_id
FROM access.people
WHERE person_id::text = %(who)s OR email = %(who)s OR subject = %(who)s OR name = %(who)s
ORDER BY person_id
LIMIT 20
