-- Finds the column by which a table is distributed.
-- One row: its name.
-- Reads the catalogue of Citus.

SELECT column_to_column_name(logicalrelid, partkey)
FROM pg_dist_partition
WHERE logicalrelid = to_regclass(%(table)s) AND partmethod = 'h'
