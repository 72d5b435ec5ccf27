-- Takes the keys of records that a load has written.
-- One row per record: its key and what it is distributed by.
-- Filled by logistics_pipeline.loading.write.distributed_merger.

COPY {keys} ({key_columns}) FROM STDIN
