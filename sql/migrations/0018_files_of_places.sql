-- Files of stores and servers: what tells their content apart, and how the places that hold them are looked at.

ALTER TABLE ingest.files
ADD COLUMN IF NOT EXISTS place text,
ADD COLUMN IF NOT EXISTS etag text,
ADD COLUMN IF NOT EXISTS version_id text;
COMMENT ON COLUMN ingest.files.place IS 'How the paths of all files of its place begin, such as s3://bucket/prefix/; NULL for a file on disk';
COMMENT ON COLUMN ingest.files.etag IS 'What the store calls this content; NULL where size and time tell';
COMMENT ON COLUMN ingest.files.version_id IS 'Which content this is, where the store keeps earlier ones';
COMMENT ON COLUMN ingest.files.path IS 'Partition key: path relative to the raw folder, absolute when loaded from elsewhere, or a URL; odd characters are percent-encoded';

CREATE TABLE IF NOT EXISTS ingest.places (
    name              text PRIMARY KEY,
    url               text NOT NULL,
    looked_at         timestamptz,
    next_look_at      timestamptz,
    look_seconds      double precision,
    files             bigint,
    error             text,
    failing_since     timestamptz,
    look_requested_at timestamptz
);
COMMENT ON TABLE ingest.places IS 'Declared places of files, as the file sensor has looked at them: one row per source of kind files';
COMMENT ON COLUMN ingest.places.name IS 'Name of the source that declares it';
COMMENT ON COLUMN ingest.places.looked_at IS 'When the last whole look ended';
COMMENT ON COLUMN ingest.places.next_look_at IS 'When the next one is due, unless somebody asks for one';
COMMENT ON COLUMN ingest.places.files IS 'How many files that look has found';
COMMENT ON COLUMN ingest.places.error IS 'Why the last attempt failed, and what to do; NULL if it did not';
COMMENT ON COLUMN ingest.places.failing_since IS 'Since when every attempt has failed';
COMMENT ON COLUMN ingest.places.look_requested_at IS 'When somebody, or a notification of the store, has asked for a look';

CREATE OR REPLACE FUNCTION ingest.request_look(place_name text)
RETURNS boolean
LANGUAGE sql
SECURITY DEFINER
SET search_path = ''
AS $$
    UPDATE ingest.places SET look_requested_at = clock_timestamp()
    WHERE name = place_name
    RETURNING true
$$;
COMMENT ON FUNCTION ingest.request_look IS 'Asks the file sensor for a look at a place; NULL if it has never looked at such a place';
REVOKE ALL ON FUNCTION ingest.request_look FROM public;
