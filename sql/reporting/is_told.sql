-- Whether it was told within a day that a report fails, and it has not succeeded since.
-- One row: true or false.
-- Reads notify.editions.
SELECT count(*) > 0
FROM notify.editions AS failed
WHERE
    failed.report_id = %(report_id)s
    AND failed.outcome = 'failed'
    AND failed.event_id IS NOT NULL
    AND failed.ended_at > clock_timestamp() - interval '1 day'
    AND NOT EXISTS (
        SELECT
        FROM notify.editions AS published
        WHERE
            published.report_id = failed.report_id
            AND published.outcome = 'published'
            AND published.window_at > failed.window_at
    )
