-- Describes the columns of a table.
-- One row per column, in their order: name, type, whether it may be NULL, whether it is in the primary key, its comment.
-- Reads the catalogue of PostgreSQL.

SELECT
    attribute.attname::text,
    format_type(attribute.atttypid, attribute.atttypmod),
    NOT attribute.attnotnull,
    EXISTS ( -- noqa: CP03, LT01, LT06
        SELECT FROM pg_index
        WHERE indrelid = attribute.attrelid AND indisprimary AND attribute.attnum = ANY(indkey)
    ),
    col_description(attribute.attrelid, attribute.attnum)
FROM pg_attribute AS attribute
WHERE attribute.attrelid = to_regclass(%(table)s) AND attribute.attnum > 0 AND NOT attribute.attisdropped
ORDER BY attribute.attnum;
