-- Asks whether any raw table is distributed over the nodes of a Citus cluster.
-- One row.
-- Reads the catalogue of PostgreSQL, as is_distributed.sql does.

SELECT EXISTS ( -- noqa: CP03, LT01, LT06
    SELECT FROM pg_trigger
    JOIN pg_proc ON pg_proc.oid = tgfoid
    JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = to_regnamespace('raw') AND proname = 'citus_truncate_trigger'
)
