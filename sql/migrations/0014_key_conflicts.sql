-- Records that have the key of another record and other values, where nobody has confirmed the key.

CREATE TABLE IF NOT EXISTS ingest.key_conflicts (
    file_id       integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    other_file_id integer NOT NULL,
    is_held       boolean NOT NULL,
    records       bigint NOT NULL,
    of_records    bigint NOT NULL,
    PRIMARY KEY (file_id, other_file_id, is_held)
);
COMMENT ON TABLE ingest.key_conflicts IS 'Records of a file whose key a record of another file, or another one of the same file, has with other values; only of datasets whose key nobody has confirmed; removed when the file is unloaded';
COMMENT ON COLUMN ingest.key_conflicts.other_file_id IS 'The file that the other records came from; file_id itself for records of one file';
COMMENT ON COLUMN ingest.key_conflicts.is_held IS 'Whether the file failed because of these records: none of them was written';
COMMENT ON COLUMN ingest.key_conflicts.records IS 'The records with such a key';
COMMENT ON COLUMN ingest.key_conflicts.of_records IS 'The records of the batches that they were found in';
