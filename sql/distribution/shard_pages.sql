-- Tells how many pages a distributed table has.
-- One row: all pages, those of its largest shard, and how many shards it has.
-- Asks the file systems of all nodes.

SELECT coalesce(sum(shard.pages), 0)::bigint, coalesce(max(shard.pages), 0), greatest(count(*), 1)
FROM (
    SELECT result::bigint / current_setting('block_size')::bigint AS pages
    FROM run_command_on_shards(to_regclass(%(table)s), 'SELECT pg_relation_size(''%%s'')')
) AS shard
