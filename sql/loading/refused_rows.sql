-- Finds the field that made PostgreSQL refuse a row: one whose value its column cannot hold, the column named by the
-- error, or the only column of the constraint named by it.
-- One row per refused row: ordinal, PostgreSQL's message, field, and the type of a column that cannot hold the value.
-- Reads the tables that `isolate` makes, and the catalogue of PostgreSQL.

WITH misfits AS (
    SELECT DISTINCT ON (refused) refused, attname AS name, format_type(atttypid, atttypmod) AS type, info.message
    FROM {results}
    JOIN {documents} ON ordinal = refused
    JOIN pg_attribute ON attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
    CROSS JOIN LATERAL pg_input_error_info(document ->> attname, format_type(atttypid, atttypmod)) AS info
    WHERE info.message IS NOT null
    ORDER BY refused, attnum
),
checked AS (
    SELECT conname AS constraint_name, attname AS name
    FROM pg_constraint
    JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
    WHERE conrelid = %(table)s::regclass AND cardinality(conkey) = 1
)
SELECT refused, coalesce(misfits.message, results.message),
       coalesce(misfits.name, nullif(results.column_name, ''), checked.name), misfits.type
FROM {results} AS results
LEFT JOIN misfits USING (refused)
LEFT JOIN checked ON checked.constraint_name = results.constraint_name
WHERE refused IS NOT null
ORDER BY refused
