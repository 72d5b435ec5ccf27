-- Counts the values of measures (none, or more) in the newest rows of a raw table and in a sample of all of it.
-- Two rows, the newest first: rows, then the values of each measure.
-- Reads the last pages of the table, where COPY and updates put rows, and randomly chosen other ones (the same for a seed).

SELECT true AS is_newest, count(*){counts}
FROM {table}
WHERE ctid >= %(first_newest)s::tid
UNION ALL
SELECT false, count(*){counts}
FROM {table} TABLESAMPLE SYSTEM (%(percent)s) REPEATABLE (%(seed)s)
ORDER BY is_newest DESC;
