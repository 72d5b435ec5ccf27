-- Takes the preview of templates that has waited longest, and notes that it is begun.
-- One row: preview, endpoint, version of its templates, message, how often it was begun before; none if none waits.
-- Reads and writes notify.template_previews.
UPDATE notify.template_previews AS preview
SET tries = preview.tries + 1
WHERE
    preview.preview_id = (
        SELECT waiting.preview_id
        FROM notify.template_previews AS waiting
        WHERE waiting.state = 'queued'
        ORDER BY waiting.requested_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
RETURNING preview.preview_id, preview.endpoint, preview.version, preview.message_id, preview.tries - 1 AS tries
