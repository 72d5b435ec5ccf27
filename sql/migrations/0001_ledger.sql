-- Makes the schemas and the ledger: ingest.files, ingest.batches, ingest.rejects; and analytics' own bookkeeping.
-- One row per registered version of a file; per committed batch of it; per rejected record.
-- Written by logistics_pipeline.ledger and .loading; read by the sensor, the refresh and the API.

CREATE SCHEMA IF NOT EXISTS ingest;
CREATE SCHEMA IF NOT EXISTS raw;
CREATE SCHEMA IF NOT EXISTS analytics;

CREATE TABLE IF NOT EXISTS ingest.files (
    file_id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset            text,
    path               text NOT NULL,
    version            integer NOT NULL DEFAULT 1,
    size_bytes         bigint NOT NULL,
    modified_ns        bigint NOT NULL,
    content_hash       text,
    format             text,
    state              text NOT NULL DEFAULT 'registered'
                       CHECK (state IN ('registered', 'loading', 'loaded', 'failed', 'unrecognised')),
    records_read       bigint NOT NULL DEFAULT 0,
    records_loaded     bigint NOT NULL DEFAULT 0,
    records_superseded bigint NOT NULL DEFAULT 0,
    records_rejected   bigint NOT NULL DEFAULT 0,
    bytes_read         bigint NOT NULL DEFAULT 0,
    unknown_fields     text[] NOT NULL DEFAULT '{}',
    error              text,
    warning            text,
    attempts           integer NOT NULL DEFAULT 0,
    seconds            double precision NOT NULL DEFAULT 0,
    run_id             text,
    registered_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at         timestamptz,
    finished_at        timestamptz,
    UNIQUE (path, version),
    CONSTRAINT balance CHECK (records_read = records_loaded + records_superseded + records_rejected),
    CONSTRAINT counts_not_negative CHECK (least(records_loaded, records_superseded, records_rejected) >= 0),
    CONSTRAINT only_unrecognised_without_dataset CHECK ((dataset IS NULL) = (state = 'unrecognised'))
);
CREATE INDEX IF NOT EXISTS files_by_state ON ingest.files (state, file_id);
CREATE INDEX IF NOT EXISTS files_by_dataset ON ingest.files (dataset, file_id);

COMMENT ON TABLE ingest.files IS 'Ledger: one row per registered version of a file. The order of file_id is the order of registration: the higher one wins a key';
COMMENT ON COLUMN ingest.files.path IS 'Partition key: path relative to the raw folder, or absolute when loaded from elsewhere; odd characters are percent-encoded';
COMMENT ON COLUMN ingest.files.version IS 'Counts from 1 how often content under this path was registered anew';
COMMENT ON COLUMN ingest.files.modified_ns IS 'Modification time, nanoseconds since 1970: with the size, how a change is noticed cheaply';
COMMENT ON COLUMN ingest.files.content_hash IS 'SHA-256 of the bytes on disk, taken when its load came to an end: tells a touched file from a changed one';
COMMENT ON COLUMN ingest.files.format IS 'Recognised from the content: json array, ndjson, ..., with the compression';
COMMENT ON COLUMN ingest.files.records_loaded IS 'Rows of this file now in its raw table';
COMMENT ON COLUMN ingest.files.records_superseded IS 'Records that lost their key to a later record of this file or of one registered later';
COMMENT ON COLUMN ingest.files.bytes_read IS 'Decompressed bytes up to the last committed record: with records_read, where the next attempt resumes';
COMMENT ON COLUMN ingest.files.unknown_fields IS 'Fields found in the file that the contract does not know (schema drift)';
COMMENT ON COLUMN ingest.files.error IS 'Why the file is failed or unrecognised: what, where, what to do';
COMMENT ON COLUMN ingest.files.warning IS 'Something that went wrong beside the load, such as an export that could not be written';
COMMENT ON COLUMN ingest.files.attempts IS 'Loads begun for this version; back to 0 when one of them comes to an end';
COMMENT ON COLUMN ingest.files.seconds IS 'Time spent loading, over all attempts';
COMMENT ON COLUMN ingest.files.run_id IS 'Dagster run that loaded it last; NULL for the command line';

CREATE TABLE IF NOT EXISTS ingest.batches (
    file_id      integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    last_record  bigint NOT NULL,
    records      integer NOT NULL,
    stale_days   date[] NOT NULL DEFAULT '{}',
    stale_logs   text[] NOT NULL DEFAULT '{}',
    merged       boolean NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refreshed_as bigint,
    PRIMARY KEY (file_id, last_record)
);
CREATE INDEX IF NOT EXISTS batches_to_refresh ON ingest.batches (file_id) WHERE refreshed_as IS NULL;

COMMENT ON TABLE ingest.batches IS 'One row per committed batch of a file: rows, rejects and checkpoint went in with it';
COMMENT ON COLUMN ingest.batches.last_record IS 'Number of the last record of the batch, counted from 1 in the file';
COMMENT ON COLUMN ingest.batches.stale_days IS 'Days that this batch gave logs to or took logs from';
COMMENT ON COLUMN ingest.batches.stale_logs IS 'Logs that this batch took shipments from: the refresh dates them, then empties this';
COMMENT ON COLUMN ingest.batches.merged IS 'Whether keys were seen before, so that the batch took the merge path';
COMMENT ON COLUMN ingest.batches.refreshed_as IS 'analytics data version that first contains this batch; NULL while it waits';

CREATE TABLE IF NOT EXISTS ingest.rejects (
    file_id     integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    record_no   bigint NOT NULL,
    byte_offset bigint,
    field       text,
    reason      text NOT NULL,
    raw         bytea NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (file_id, record_no)
);

COMMENT ON TABLE ingest.rejects IS 'One row per record that broke a rule: never stored, never lost';
COMMENT ON COLUMN ingest.rejects.byte_offset IS 'Where the record starts in the decompressed content, from 0';
COMMENT ON COLUMN ingest.rejects.field IS 'The first field that broke a rule; NULL when the record as a whole did';
COMMENT ON COLUMN ingest.rejects.raw IS 'The record as it stood in the file, byte for byte';

-- The analytics' bookkeeping. Their tables are definitions in sql/analytics, made anew when such a file changes.
CREATE TABLE IF NOT EXISTS analytics.status (
    only_row               boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    data_version           bigint NOT NULL DEFAULT 0,
    full_refresh_due       boolean NOT NULL DEFAULT true,
    started_calculating_at timestamptz,
    last_calculated_at     timestamptz,
    seconds                double precision,
    error_message          text,
    unassigned_shipments   bigint NOT NULL DEFAULT 0,
    first_day              date,
    last_day               date
);
INSERT INTO analytics.status DEFAULT VALUES ON CONFLICT DO NOTHING;

COMMENT ON TABLE analytics.status IS 'One row: which state of the raw tables the analytics show';
COMMENT ON COLUMN analytics.status.data_version IS 'Grows by one with every refresh that changed something; committed together with the figures';
COMMENT ON COLUMN analytics.status.full_refresh_due IS 'The next refresh computes every day: after a definition changed, or on request';
COMMENT ON COLUMN analytics.status.unassigned_shipments IS 'Shipments whose log has not arrived';
COMMENT ON COLUMN analytics.status.first_day IS 'First day that has a log';

CREATE TABLE IF NOT EXISTS analytics.definitions (
    name     text PRIMARY KEY,
    checksum text NOT NULL
);
COMMENT ON TABLE analytics.definitions IS 'Which text of sql/analytics/*.sql each table was made from';
