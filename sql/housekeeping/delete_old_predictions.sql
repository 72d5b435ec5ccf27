-- Deletes predictions of long ago, with their scores: those of which the truth has been known so long, and those of
-- which it never arrived. One that would be made anew stays: of a record that began after the version in production was
-- trained, or, without the truth, not long before.
-- One row per prediction is deleted, at most %(predictions)s.
-- Reads models.versions; reads and writes models.predictions.
WITH old AS (
    SELECT
        predictions.model,
        predictions.key
    FROM models.predictions AS predictions
    INNER JOIN models.versions AS versions ON predictions.model = versions.model
    WHERE
        versions.state = 'production'
        AND coalesce(predictions.actual_at, predictions.predicted_at)
        < clock_timestamp() - make_interval(days => %(days)s)
        AND predictions.started_on
        <= versions.last_day - CASE WHEN predictions.actual IS NULL THEN %(open_days)s + 1 ELSE 0 END
    LIMIT %(predictions)s
)

DELETE FROM models.predictions AS predictions
USING old
WHERE predictions.model = old.model AND predictions.key = old.key
