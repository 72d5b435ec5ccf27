-- Counts the days that are in the future everywhere on Earth, and finds the newest of them.
-- One row: days, the newest (NULL for none), trips on them.
-- Reads analytics.days.

SELECT count(*), max(day), coalesce(sum(trips), 0)::bigint
FROM analytics.days
WHERE day > (clock_timestamp() AT TIME ZONE 'UTC' + interval '14 hours')::date;
