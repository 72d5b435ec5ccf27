-- Finds the tables of a schema whose statistics are too old to plan by: a tenth of the rows is new, or there are none yet
-- of the expression of an index, such as the day of a timestamp.
-- One row per table.
-- Reads pg_stat_user_tables and the catalogue of PostgreSQL.

SELECT relname
FROM pg_stat_user_tables AS usage
WHERE
    schemaname = %(schema)s
    AND (
        (n_mod_since_analyze > 1000 AND n_mod_since_analyze > 0.1 * n_live_tup)
        OR (
            n_live_tup > 1000
            AND EXISTS (
                SELECT FROM pg_index AS index
                WHERE index.indrelid = usage.relid
                  AND index.indisvalid
                  AND index.indexprs IS NOT NULL
                  AND NOT EXISTS (SELECT FROM pg_statistic WHERE starelid = index.indexrelid)
            )
        )
    )
ORDER BY relname;
