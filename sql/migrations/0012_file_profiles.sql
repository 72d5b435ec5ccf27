-- What the columns of each loaded file are like: for the dataset's page, and to notice files that differ from earlier ones.

CREATE TABLE IF NOT EXISTS ingest.file_profiles (
    file_id integer PRIMARY KEY REFERENCES ingest.files ON DELETE CASCADE,
    fields  jsonb NOT NULL
);
COMMENT ON TABLE ingest.file_profiles IS 'Profiles of the columns of a file, from a sample of its accepted records; removed when it is unloaded';
COMMENT ON COLUMN ingest.file_profiles.fields IS 'By field, a FieldProfile of logistics_core.profiles';
