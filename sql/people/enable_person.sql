-- Lets a person sign in again.
-- One row: the person.
-- Writes access.people.
UPDATE access.people
SET disabled_at = NULL
WHERE person_id = %(person_id)s
