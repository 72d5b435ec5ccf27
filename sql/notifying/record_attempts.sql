-- Notes how attempts ended and what becomes of their messages: one row per attempt.
-- Changes notify.attempts and notify.messages; a message that was sent also ends the parts of the digest it carries.
-- Of what did not succeed the reason begins with the status: an answer of 404 may say "ok".
-- A success counts whoever has the lease by now; anything else only if this sender still has it.
WITH results AS (
    SELECT *
    FROM unnest(
        %(message_ids)s::bigint[], %(numbers)s::integer[], %(seconds)s::double precision[], %(outcomes)s::text[],
        %(statuses)s::integer[], %(details)s::text[], %(states)s::text[], %(pauses)s::double precision[],
        %(template_versions)s::integer[]
    ) AS result (message_id, number, seconds, outcome, status, detail, state, pause, template_version)
),

attempts AS (
    UPDATE notify.attempts AS attempt
    SET
        seconds = results.seconds,
        outcome = results.outcome,
        status = results.status,
        detail = results.detail,
        template_version = results.template_version
    FROM results
    WHERE attempt.message_id = results.message_id AND attempt.number = results.number
),

ended AS (
    UPDATE notify.messages AS message
    SET
        state = results.state,
        reason = CASE
            WHEN results.state NOT IN ('sent', 'delivered') THEN concat_ws(': ', results.status, results.detail)
        END,
        due_at = CASE WHEN results.state = 'waiting' THEN clock_timestamp() + make_interval(secs => results.pause) END,
        is_quiet = false,
        lease = NULL,
        locked_until = NULL,
        ended_at = CASE WHEN results.state <> 'waiting' THEN clock_timestamp() END
    FROM results
    WHERE
        message.message_id = results.message_id
        AND message.state = 'waiting'
        AND (message.lease = %(lease)s OR results.state IN ('sent', 'delivered'))
    RETURNING message.digest_id, message.event_id, message.state, message.reason
)

UPDATE notify.messages AS part
SET
    state = ended.state,
    reason = ended.reason,
    ended_at = clock_timestamp()
FROM ended
WHERE
    ended.event_id IS NULL
    AND ended.state <> 'waiting'
    AND part.digest_id = ended.digest_id
    AND part.event_id IS NOT NULL
    AND part.state = 'held'
