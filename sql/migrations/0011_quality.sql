-- What the score of quality is computed from and no other table tells cheaply (docs/decisions/0033-quality.md).

CREATE TABLE IF NOT EXISTS ingest.column_counts (
    file_id               integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    field                 text NOT NULL,
    filled                bigint NOT NULL DEFAULT 0,
    cleared               bigint NOT NULL DEFAULT 0,
    cleared_out_of_bounds bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (file_id, field)
);
COMMENT ON TABLE ingest.column_counts IS 'Cells of a file by column, counted in the transactions that write, overwrite, replay or remove its rows';
COMMENT ON COLUMN ingest.column_counts.filled IS 'Cells with a value in the rows of this file that are in the raw table now';
COMMENT ON COLUMN ingest.column_counts.cleared IS 'Rows of ingest.cleared_values of this file and field whose value could not be read';
COMMENT ON COLUMN ingest.column_counts.cleared_out_of_bounds IS 'Rows of ingest.cleared_values of this file and field whose value was outside the bounds of the contract';

CREATE TABLE IF NOT EXISTS ingest.reference_counts (
    file_id integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    field   text NOT NULL,
    asked   bigint NOT NULL,
    found   bigint NOT NULL CHECK (found <= asked),
    PRIMARY KEY (file_id, field)
);
COMMENT ON TABLE ingest.reference_counts IS 'References to other datasets by file and column, counted with the refreshes';
COMMENT ON COLUMN ingest.reference_counts.asked IS 'Rows of this file that refer to a record of another dataset';
COMMENT ON COLUMN ingest.reference_counts.found IS 'Those of them whose record is there';

CREATE TABLE IF NOT EXISTS ingest.references_counted (
    dataset    text PRIMARY KEY,
    state      text NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds    double precision NOT NULL DEFAULT 0
);
COMMENT ON TABLE ingest.references_counted IS 'When the references of a dataset were counted last';
COMMENT ON COLUMN ingest.references_counted.seconds IS 'How long that took';
COMMENT ON COLUMN ingest.references_counted.state IS 'The accounts of the files concerned at that time, as a hash: while it is the same, the counts are';
