-- Says whether a rule of a kind was in force and switched on within the day that ends at a moment.
-- One row.
-- Reads alert.rule_versions, .rules.

WITH versions AS (
    SELECT
        written.definition,
        written.since,
        coalesce(
            lead(written.since) OVER (PARTITION BY written.name ORDER BY written.version), known.removed_at, 'infinity'
        ) AS until
    FROM alert.rule_versions AS written
    LEFT JOIN alert.rules AS known ON written.name = known.name
)

SELECT count(*) > 0 AS was_watched
FROM versions
WHERE definition #>> '{watch,kind}' = %(kind)s
    AND coalesce((definition ->> 'enabled')::boolean, true)
    AND since < %(moment)s AND until > %(moment)s - interval '1 day'
