-- Deletes editions of reports that ended long ago, and whose event was deleted. The newest of each report stays: later windows
-- are found by it.
-- Reads and writes notify.editions.
DELETE FROM notify.editions AS edition
WHERE
    edition.ended_at < clock_timestamp() - make_interval(days => %(days)s)
    AND edition.event_id IS NULL
    AND EXISTS (
        SELECT
        FROM notify.editions AS newer
        WHERE newer.report_id = edition.report_id AND newer.window_at > edition.window_at
    )
