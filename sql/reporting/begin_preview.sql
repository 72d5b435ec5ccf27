-- Takes the preview that has waited longest, and notes that it is begun.
-- One row: preview, name of the report, how often it was begun before; none if none waits.
-- Reads and writes notify.previews.
UPDATE notify.previews AS preview
SET tries = preview.tries + 1
WHERE
    preview.preview_id = (
        SELECT waiting.preview_id
        FROM notify.previews AS waiting
        WHERE waiting.state = 'queued'
        ORDER BY waiting.requested_at
        LIMIT 1
    )
RETURNING preview.preview_id, preview.report, preview.tries - 1
