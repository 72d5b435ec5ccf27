-- Stores what tracking has learnt of series: width, the newest period scored, since when they are set back, and why.
-- Reads the arrays given, writes forecast.series.

UPDATE forecast.series AS known
SET width = learnt.width,
    scored_until = learnt.scored_until,
    naive_since = learnt.naive_since,
    naive_reason = coalesce(learnt.naive_reason, known.naive_reason),
    naive_set_at = CASE
        WHEN learnt.naive_since IS NOT NULL AND known.naive_since IS NULL THEN clock_timestamp()
        ELSE known.naive_set_at
    END,
    naive_ended_at = CASE
        WHEN learnt.naive_since IS NULL AND known.naive_since IS NOT NULL THEN clock_timestamp()
        WHEN learnt.naive_since IS NOT NULL THEN NULL
        ELSE known.naive_ended_at
    END
FROM unnest(
    %(ids)s::bigint[], %(widths)s::double precision[], %(untils)s::date[], %(sinces)s::date[], %(reasons)s::text[]
) AS learnt (series_id, width, scored_until, naive_since, naive_reason)
WHERE known.series_id = learnt.series_id;
