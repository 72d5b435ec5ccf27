-- Makes the table of the records of a dataset that others have superseded: it has the columns of the raw table, and one
-- more, whose name no field has.
-- One row per superseded record. Every key in it has a row in the raw table, which was registered later.
-- Filled by merges.

CREATE TABLE IF NOT EXISTS {history} (
    LIKE {table} INCLUDING COMMENTS,
    {successor} integer NOT NULL,
    PRIMARY KEY ({identity}, file_id, record_no)
);
CREATE INDEX IF NOT EXISTS {file_index} ON {history} USING brin (file_id)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX IF NOT EXISTS {successor_index} ON {history} USING brin ({successor})
    WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON TABLE {history} IS {description};
COMMENT ON COLUMN {history}.{successor} IS 'A file with a later record of the key: as of this one and later files the row does not count. The first such file may be an earlier one; the largest number where none is known';
