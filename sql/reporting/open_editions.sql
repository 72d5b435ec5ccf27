-- Editions that are tried now, the earliest first: one row per edition. One that the next window has overtaken is tried once
-- more, whenever it was due, so that they do not pile up.
-- Reads notify.editions and notify.reports.
SELECT
    edition.edition_id,
    edition.report_id,
    edition.window_at,
    edition.tries,
    later.has_come OR edition.begun_at < clock_timestamp() - make_interval(secs => %(patience)s) AS is_last
FROM notify.editions AS edition
INNER JOIN notify.reports AS report ON edition.report_id = report.report_id
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS has_come
    FROM notify.editions AS newer
    WHERE newer.report_id = edition.report_id AND newer.window_at > edition.window_at
) AS later
WHERE
    edition.outcome IS NULL
    AND report.removed_at IS NULL
    AND (later.has_come OR edition.due_at <= clock_timestamp())
ORDER BY edition.window_at, edition.edition_id
