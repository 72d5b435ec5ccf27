-- Finds the days on which a rule about things that were there or not can be tried: since rules of its kind are in force.
-- One row: first_day, UTC; NULL if there is none.
-- Reads alert.rule_versions.

SELECT min(since AT TIME ZONE 'UTC')::date AS first_day
FROM alert.rule_versions
WHERE definition #>> '{watch,kind}' = %(kind)s;
