-- Lists the columns of a raw table's primary key, in its order; none if there is no such table.
-- One row per column: name.
-- Reads the catalogue of PostgreSQL.

SELECT attname
FROM pg_index
CROSS JOIN LATERAL unnest(cast(indkey AS int2[])) WITH ORDINALITY AS keyed (attnum, position)
JOIN pg_attribute ON attrelid = indrelid AND pg_attribute.attnum = keyed.attnum
WHERE indrelid = to_regclass(%(table)s) AND indisprimary
ORDER BY keyed.position;
