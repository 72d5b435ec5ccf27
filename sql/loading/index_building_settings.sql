-- Gives this transaction what building an index needs: workers, memory for each of them, and unlimited time.
-- One row per setting that has a minimum.
-- Reads pg_settings.

-- PostgreSQL uses fewer workers for a small table, and none that would have less than 32 MB each.
SELECT
    set_config(name, greatest(setting::bigint, minimum)::text, true),
    set_config('statement_timeout', '0', true),
    set_config('lock_timeout', '0', true),
    set_config('default_tablespace', '', true)
FROM pg_settings
JOIN (VALUES ('max_parallel_maintenance_workers', 4), ('maintenance_work_mem', 256 * 1024)) AS least_of (name, minimum)
    USING (name)
