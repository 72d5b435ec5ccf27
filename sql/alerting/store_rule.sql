-- Stores a rule as it is written now. A new definition is a new version; one that cannot be used (definition NULL) leaves
-- the version before in force.
-- No rows.
-- Writes alert.rules, alert.rule_versions.

WITH stored AS (
    INSERT INTO alert.rules AS known (name, definition, origin, enabled, problem)
    VALUES (%(name)s, %(definition)s, %(origin)s, %(enabled)s, %(problem)s)
    ON CONFLICT (name) DO UPDATE
    SET definition = coalesce(excluded.definition, known.definition),
        version = known.version + (
            excluded.definition IS NOT NULL AND known.definition IS DISTINCT FROM excluded.definition
        )::integer,
        origin = excluded.origin,
        enabled = CASE WHEN excluded.definition IS NULL THEN known.enabled ELSE excluded.enabled END,
        problem = excluded.problem,
        changed_by = NULL,
        changed_at = clock_timestamp(),
        removed_at = NULL
    RETURNING name, version, definition
)

INSERT INTO alert.rule_versions (name, version, definition)
SELECT name, version, definition
FROM stored
WHERE definition IS NOT NULL
ON CONFLICT (name, version) DO NOTHING
