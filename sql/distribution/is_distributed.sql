-- Asks whether the rows of a table are distributed over the nodes of a Citus cluster.
-- One row.
-- Reads the catalogue of PostgreSQL: Citus gives each such table a trigger, and its own catalogue is not there without it.

SELECT EXISTS ( -- noqa: CP03, LT01, LT06
    SELECT FROM pg_trigger
    JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgrelid = to_regclass(%(table)s) AND proname = 'citus_truncate_trigger'
)
