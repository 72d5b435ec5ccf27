-- Makes the table of this session for the rows of a distributed table that a merge concerns, emptied by every commit.
-- One row per key, with the file, the number and the place that the row has on its node; NULL where it is new.
-- Filled and read by logistics_pipeline.loading.write.distributed_merger.

CREATE TEMPORARY TABLE IF NOT EXISTS {held} (
    LIKE {table} INCLUDING CONSTRAINTS,
    "_file_id"   integer,
    "_record_no" bigint,
    "_column"    text,  -- compared as a text: whatever the type is, equal values of one column have equal texts
    PRIMARY KEY ({identity})
) ON COMMIT DELETE ROWS
