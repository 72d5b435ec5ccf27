-- Finds the tables of a schema whose statistics are too old to plan by: a tenth of the rows is new, or there are none yet.
-- One row per table.
-- Reads pg_stat_user_tables.

SELECT relname
FROM pg_stat_user_tables
WHERE schemaname = %(schema)s AND n_mod_since_analyze > 1000 AND n_mod_since_analyze > 0.1 * n_live_tup
ORDER BY relname;
