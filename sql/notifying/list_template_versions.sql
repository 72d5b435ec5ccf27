-- The versions of the templates of a declared endpoint, the newest first, with how many messages each went out with.
-- Reads notify.template_versions, notify.endpoints, notify.messages and notify.attempts.
SELECT
    known.version,
    known.title_template,
    known.text_template,
    known.restored_from,
    known.restored_by,
    known.made_at,
    known.version = max(known.version) OVER () AS is_in_force,
    known.restored_from IS NULL
    AND known.version = max(known.version) FILTER (WHERE known.restored_from IS NULL) OVER () AS is_declared,
    (
        SELECT count(DISTINCT attempt.message_id)
        FROM notify.messages AS message
        INNER JOIN notify.attempts AS attempt ON message.message_id = attempt.message_id
        WHERE message.endpoint_id = known.endpoint_id AND attempt.template_version = known.version
    ) AS messages
FROM notify.template_versions AS known
INNER JOIN notify.endpoints AS endpoint ON known.endpoint_id = endpoint.endpoint_id
WHERE endpoint.name = %(endpoint)s AND endpoint.removed_at IS NULL AND endpoint.person_id IS NULL
ORDER BY known.version DESC
