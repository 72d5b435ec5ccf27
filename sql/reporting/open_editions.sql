-- Editions that are tried now, the earliest first: one row per edition.
-- Reads notify.editions and notify.reports.
SELECT
    edition.edition_id,
    edition.report_id,
    edition.window_at,
    edition.tries,
    edition.begun_at < clock_timestamp() - make_interval(secs => %(patience)s) AS is_last
FROM notify.editions AS edition
INNER JOIN notify.reports AS report ON edition.report_id = report.report_id
WHERE edition.outcome IS NULL AND edition.due_at <= clock_timestamp() AND report.removed_at IS NULL
ORDER BY edition.window_at, edition.edition_id
