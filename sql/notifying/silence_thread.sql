-- Suppresses messages of a thread that still wait for the end of quiet hours: what they tell is over.
-- Changes notify.messages. None that is being sent now, or was tried.
UPDATE notify.messages
SET
    state = 'suppressed',
    reason = 'It was over before the quiet hours ended.',
    due_at = NULL,
    is_quiet = false,
    ended_at = clock_timestamp()
WHERE
    thread = %(thread)s
    AND state = 'waiting'
    AND is_quiet
    AND tries = 0
    AND due_at > %(now)s
