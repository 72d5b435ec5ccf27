-- Editions with what became of their messages: one row per edition, the newest first.
-- Reads notify.editions, notify.reports and notify.messages.
SELECT
    report.name AS report,
    edition.window_at,
    coalesce(edition.outcome, 'trying') AS outcome,
    edition.reason,
    edition.tries,
    edition.data_version,
    edition.ended_at,
    told.messages,
    told.accepted
FROM notify.editions AS edition
INNER JOIN notify.reports AS report ON edition.report_id = report.report_id
LEFT JOIN LATERAL (
    SELECT
        count(*) AS messages,
        count(*) FILTER (WHERE message.state IN ('sent', 'delivered')) AS accepted
    FROM notify.messages AS message
    WHERE message.event_id = edition.event_id
) AS told ON true
WHERE %(report)s::text IS NULL OR report.name = %(report)s
ORDER BY edition.window_at DESC, edition.edition_id DESC
LIMIT %(most)s
