-- Finds the highest values of a day of all subjects of a kind, as rules saw them.
-- One row per subject: labels, value, when it was seen, summary, path in the dashboard. One row of NULLs if nothing was
-- worth keeping; none if nobody has looked.
-- Reads alert.observed_days, .observed_values.

SELECT
    seen.labels,
    seen.highest,
    seen.seen_at,
    seen.summary,
    seen.path
FROM alert.observed_days AS looked
LEFT JOIN alert.observed_values AS seen
    ON looked.kind = seen.kind AND looked.day = seen.day
    AND (%(dataset)s::text IS NULL OR coalesce(seen.labels ->> 'dataset', %(dataset)s) = %(dataset)s)
WHERE looked.kind = %(kind)s AND looked.day = %(day)s
ORDER BY seen.highest DESC, seen.labels ASC
LIMIT %(most)s;
