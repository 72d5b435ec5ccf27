-- Finds the first and the last whole day on which rules of a kind were in force, or had been. UTC.
-- One row: first_day, last_day. NULL: there was no such rule.
-- Reads alert.rule_versions.

SELECT
    min(since AT TIME ZONE 'UTC')::date AS first_day,
    (clock_timestamp() AT TIME ZONE 'UTC')::date - 1 AS last_day
FROM alert.rule_versions
WHERE definition #>> '{watch,kind}' = %(kind)s;
