-- What was understood about a file that is not plain, and its rejects counted by kind: no summary reads them all.

ALTER TABLE ingest.files ADD COLUMN IF NOT EXISTS notes text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN ingest.files.notes IS 'How the file was read where that is not plain: renamed columns, encoding, order of dates; one sentence each';

ALTER TABLE ingest.files ADD COLUMN IF NOT EXISTS values_cleared bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingest.files.values_cleared IS 'Invalid values of optional fields in its loaded records that were stored as NULL';

CREATE TABLE IF NOT EXISTS ingest.cleared_values (
    file_id   integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    record_no bigint NOT NULL,
    field     text NOT NULL,
    reason    text NOT NULL,
    raw       bytea NOT NULL,
    PRIMARY KEY (file_id, record_no, field)
);
COMMENT ON TABLE ingest.cleared_values IS 'Invalid values of optional fields that were stored as NULL because the contract or a setting says so';
COMMENT ON COLUMN ingest.cleared_values.raw IS 'The value as it was delivered: a text as it is, anything else as JSON';

ALTER TABLE ingest.files ADD COLUMN IF NOT EXISTS dismissed_at timestamptz;
COMMENT ON COLUMN ingest.files.dismissed_at IS 'Since when the failed or unrecognised file is nothing to act on: it was deleted from the raw folder, or a person dismissed it';

ALTER TABLE ingest.rejects ADD COLUMN IF NOT EXISTS kind text;
COMMENT ON COLUMN ingest.rejects.kind IS 'The reason without what differs from record to record; NULL where that is what stands before ", found "';

CREATE INDEX IF NOT EXISTS rejects_resolved ON ingest.rejects (file_id, record_no) WHERE resolved_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS ingest.reject_kinds (
    file_id      integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    field        text,
    kind         text NOT NULL,
    count        bigint NOT NULL CHECK (count >= 0),
    first_record bigint NOT NULL,
    example      text,
    UNIQUE NULLS NOT DISTINCT (file_id, field, kind)
);
COMMENT ON TABLE ingest.reject_kinds IS 'Unresolved rejects of a file, counted by field and kind of reason in the transactions that write or resolve them';
COMMENT ON COLUMN ingest.reject_kinds.kind IS 'The reason without what differs from record to record';
COMMENT ON COLUMN ingest.reject_kinds.first_record IS 'Number of the first such record in the file';
COMMENT ON COLUMN ingest.reject_kinds.example IS 'The beginning of that record as it stood in the file';

-- As loads of this version store it, see logistics_pipeline.loading.contract.reject_kinds.
UPDATE ingest.rejects
SET kind = CASE
    WHEN reason ~ '^the row has [0-9]+ fields, the header [0-9]+'
        THEN 'the row has another number of fields than the header'
    ELSE left(
        regexp_replace(regexp_replace(reason, '"[^"]*("|$)', '"…"', 'g'), '\m[0-9]+', '…', 'g'), 300
    )
END
WHERE kind IS NULL
    AND position(', found ' IN reason) = 0
    AND (reason ~ '^the row has [0-9]+ fields, the header [0-9]+' OR reason ~ '"|\m[0-9]' OR length(reason) > 300);

INSERT INTO ingest.reject_kinds (file_id, field, kind, count, first_record, example)
SELECT
    file_id,
    field,
    coalesce(kind, split_part(reason, ', found ', 1)),
    count(*),
    min(record_no),
    (array_agg(left(encode(raw, 'escape'), 200) ORDER BY record_no))[1]
FROM ingest.rejects
WHERE resolved_at IS NULL
GROUP BY 1, 2, 3
ON CONFLICT DO NOTHING;
