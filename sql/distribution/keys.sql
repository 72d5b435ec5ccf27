-- Makes the table that keeps the key of a dataset unique whose records are distributed by another column.
-- One row per key, in the transaction that writes its record: here those of the rows that there are.
-- Reads the raw table; logistics_pipeline.loading.write.distributed_merger writes it from then on.

CREATE SCHEMA IF NOT EXISTS keys;
DROP TABLE IF EXISTS {keys};
CREATE TABLE {keys} AS SELECT {columns} FROM {table};
ALTER TABLE {keys} ADD PRIMARY KEY ({key});
COMMENT ON TABLE {keys} IS {description}
