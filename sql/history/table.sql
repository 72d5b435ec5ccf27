-- Makes the table of the records of a dataset that others have superseded: it has the columns of the raw table.
-- One row per superseded record. Every key in it has a row in the raw table, which was registered later.
-- Filled by merges.

CREATE TABLE IF NOT EXISTS {history} (LIKE {table} INCLUDING COMMENTS, PRIMARY KEY ({identity}, file_id, record_no));
CREATE INDEX IF NOT EXISTS {file_index} ON {history} USING brin (file_id)
    WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON TABLE {history} IS {description};
