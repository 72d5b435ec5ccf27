-- Makes the staging table of a dataset for this session, emptied by every commit.
-- One row per record of the batch being merged, one per text of a key.
-- Filled and read by logistics_pipeline.loading.write.batch_writer.

CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS
