-- Finds the days of a dataset with records whose external ids are linked otherwise than before.
-- One row per day.
-- Reads pg_temp.relinked and the raw tables of the dataset.

SELECT DISTINCT {day}
FROM {source}
WHERE {day} IS NOT NULL AND ({is_relinked})
