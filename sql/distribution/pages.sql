-- Tells how many pages a table on one server has.
-- One row: all pages, twice, and 1.
-- Asks the file system, not the statistics: these may be old.

SELECT pages.number AS all_pages, pages.number AS largest, 1 AS shards
FROM (SELECT pg_relation_size(%(table)s) / current_setting('block_size')::bigint AS number) AS pages
