-- Says whether this login can make Dagster's tables, or finds them made, and in which schema.
-- One row: yes or no, the schema, and whether it belongs to the owner of the database.
-- Reads pg_namespace.

SELECT
    coalesce(has_schema_privilege(target.name, 'CREATE'), false) OR to_regclass('runs') IS NOT NULL,
    target.name,
    coalesce(pg_get_userbyid(pg_namespace.nspowner) = 'pg_database_owner', true)
FROM (VALUES (coalesce(current_schema(), 'public'))) AS target (name)
LEFT JOIN pg_namespace ON pg_namespace.nspname = target.name
