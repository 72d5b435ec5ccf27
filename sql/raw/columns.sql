-- Lists the columns of a raw table as PostgreSQL has them; none if there is no such table.
-- One row per column, in order: name, type.
-- Reads the catalogue of PostgreSQL.

SELECT attname, format_type(atttypid, atttypmod)
FROM pg_attribute
WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum;
