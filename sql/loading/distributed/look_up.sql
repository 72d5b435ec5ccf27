-- Fetches the rows of a distributed table that have the keys of staged rows.
-- One row per key that the table has.
-- Reads the staged rows and, on all nodes, the distributed table by its key.

INSERT INTO {held} ({columns}, "_file_id", "_record_no", "_column")
SELECT {columns}, file_id, record_no, {distributed_by}::text
FROM {table} AS existing -- noqa: AL05
WHERE ({existing_identity}) IN (SELECT {identity} FROM {rows} OFFSET 0)
