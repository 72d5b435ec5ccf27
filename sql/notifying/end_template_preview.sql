-- Notes what came of a preview of templates. Of two workers that made it, the first is believed.
-- Writes notify.template_previews.
UPDATE notify.template_previews
SET
    state = %(state)s,
    title = %(title)s,
    text = %(text)s,
    problem = %(problem)s,
    finished_at = clock_timestamp()
WHERE preview_id = %(preview_id)s AND state = 'queued'
