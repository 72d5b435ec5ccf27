-- Notes that all subjects of a kind were looked at on a day, and keeps each value that is the highest of the day so far.
-- No rows.
-- Writes alert.observed_days, .observed_values.

WITH noted AS (
    INSERT INTO alert.observed_days (kind, day)
    VALUES (%(kind)s, (%(moment)s::timestamptz AT TIME ZONE 'UTC')::date)
    ON CONFLICT DO NOTHING
)

INSERT INTO alert.observed_values AS known (kind, day, labels, highest, seen_at, summary, path)
SELECT
    %(kind)s, (%(moment)s::timestamptz AT TIME ZONE 'UTC')::date, seen.labels, seen.value, %(moment)s, seen.summary,
    seen.path
FROM jsonb_to_recordset(%(seen)s) AS seen (labels jsonb, value double precision, summary jsonb, path text)
ORDER BY seen.labels
ON CONFLICT (kind, day, labels) DO UPDATE
SET highest = excluded.highest, seen_at = excluded.seen_at, summary = excluded.summary, path = excluded.path
WHERE excluded.highest > known.highest
