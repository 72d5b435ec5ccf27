-- Lists the names of the columns whose values are kept in extras.
-- One row per name.
-- Reads the raw table.

SELECT DISTINCT name
FROM {table}
CROSS JOIN LATERAL jsonb_object_keys(extras) AS name
ORDER BY name
