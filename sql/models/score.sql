-- Notes what came true of the predictions of a model, where it is new, restated or gone.
-- One row of models.predictions per record, changed in place.
-- Reads the table of the dataset.
UPDATE models.predictions AS prediction
SET
    actual = truth.actual,
    actual_version = %(data_version)s,
    actual_at = clock_timestamp()
FROM (
    SELECT
        known.key,
        CASE WHEN {value} > 0 THEN {value}::double precision END AS actual
    FROM models.predictions AS known
    LEFT JOIN {table} AS record ON {record_key} = known.key -- noqa: AL05
    WHERE known.model = %(model)s
) AS truth
WHERE prediction.model = %(model)s AND prediction.key = truth.key AND prediction.actual IS DISTINCT FROM truth.actual
