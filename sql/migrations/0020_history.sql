-- History: records that others have superseded, in a schema of their own, with one table per dataset that keeps them.

CREATE SCHEMA IF NOT EXISTS history;
COMMENT ON SCHEMA history IS 'Records that lost their key to a later one, by dataset; with the rows of the schema raw, these are all versions';

CREATE TABLE IF NOT EXISTS ingest.histories (
    dataset       text PRIMARY KEY,
    since_file_id integer NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at      timestamptz
);
COMMENT ON TABLE ingest.histories IS 'Datasets whose superseded records are kept, or were: a row per dataset';
COMMENT ON COLUMN ingest.histories.since_file_id IS 'From this file on every version is known, also while files have gaps: the last that had rows when it began';
COMMENT ON COLUMN ingest.histories.ended_at IS 'Since when superseded records are kept no longer; NULL while they are';

CREATE TABLE IF NOT EXISTS ingest.history_gaps (
    file_id integer PRIMARY KEY REFERENCES ingest.files ON DELETE CASCADE,
    dataset text NOT NULL
);
COMMENT ON TABLE ingest.history_gaps IS 'Files of which records were superseded while these were not kept. Loaded again, a file has none';
