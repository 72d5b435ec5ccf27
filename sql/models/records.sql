-- Reads the newest records of a dataset for a model.
-- One row per record: key; day; hours since 1970 of its start; value; what was promised; group; then each input.
-- Reads the table of the dataset and those that it refers to, models.predictions.
SELECT
    {record_key}::text,
    {day},
    (extract(EPOCH FROM {started_at}) / 3600)::double precision,
    {value}::double precision,
    {promise}::double precision,
    {group_key}::text{inputs}
FROM {source}
WHERE {day} IS NOT NULL AND {is_wanted}
ORDER BY {started_at} DESC, {record_key} DESC
LIMIT %(most)s
