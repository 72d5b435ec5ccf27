-- Keeps a person from signing in; since when stays as it is if they already were.
-- One row: the person.
-- Writes access.people.
UPDATE access.people
SET disabled_at = coalesce(disabled_at, clock_timestamp())
WHERE person_id = %(person_id)s
