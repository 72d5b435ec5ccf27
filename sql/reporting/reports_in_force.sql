-- Reports that are declared, and until when their windows have been seen: one row per report, by name.
-- Reads notify.reports and notify.editions.
SELECT
    report.report_id,
    report.name,
    report.title,
    report.board,
    report.schedule,
    report.time_zone,
    report.days,
    report.fresh_within,
    report.endpoints,
    greatest(report.declared_at, latest.window_at) AS seen_until
FROM notify.reports AS report
LEFT JOIN LATERAL (
    SELECT max(edition.window_at) AS window_at
    FROM notify.editions AS edition
    WHERE edition.report_id = report.report_id
) AS latest ON true
WHERE report.removed_at IS NULL
ORDER BY report.name
