-- Pre-aggregates of datasets: tables in a schema of their own, made and refreshed as metrics need them.

CREATE SCHEMA IF NOT EXISTS rollups;

CREATE TABLE IF NOT EXISTS analytics.rollups (
    table_name  text PRIMARY KEY,
    dataset     text NOT NULL,
    document    jsonb NOT NULL,
    rows        bigint NOT NULL,
    replaced_at timestamptz
);
CREATE INDEX IF NOT EXISTS rollups_by_dataset ON analytics.rollups (dataset);
COMMENT ON TABLE analytics.rollups IS 'The pre-aggregates there are: tables of the schema rollups';
COMMENT ON COLUMN analytics.rollups.document IS 'What the table holds: a Rollup of logistics_core.metrics.rollups';
COMMENT ON COLUMN analytics.rollups.replaced_at IS 'When another table took its place: it is dropped some time after';

CREATE TABLE IF NOT EXISTS analytics.rollup_datasets (
    dataset      text PRIMARY KEY,
    checksum     text NOT NULL,
    records      bigint NOT NULL,
    dated        bigint NOT NULL,
    first_day    date,
    last_day     date,
    chosen_for   bigint NOT NULL,
    data_version bigint NOT NULL
);
COMMENT ON TABLE analytics.rollup_datasets IS 'The datasets whose pre-aggregates there are, as of their last refresh';
COMMENT ON COLUMN analytics.rollup_datasets.checksum IS 'A fingerprint of the metrics and of how they are computed: if it changes, the tables are made anew';
COMMENT ON COLUMN analytics.rollup_datasets.records IS 'Records in the raw table';
COMMENT ON COLUMN analytics.rollup_datasets.dated IS 'Those with a day; all of them if the dataset has no days';
COMMENT ON COLUMN analytics.rollup_datasets.chosen_for IS 'Number of records for which the dimensions were chosen';
COMMENT ON COLUMN analytics.rollup_datasets.data_version IS 'The refresh that changed them last';
