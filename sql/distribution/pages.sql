-- Tells how many pages a table has.
-- One row.
-- Asks the file system, not the statistics: these may be old.

SELECT pg_relation_size(%(table)s) / current_setting('block_size')::bigint;
