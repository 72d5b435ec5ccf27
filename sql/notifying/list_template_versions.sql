-- The versions of the templates of a declared endpoint, the newest first: where each came from, how many messages had it.
-- Of a declaration only the file is known: it does not say who wrote it.
-- Reads notify.template_versions, notify.endpoints, notify.messages and notify.attempts.
WITH made AS (
    SELECT
        attempt.template_version AS version,
        count(DISTINCT attempt.message_id) AS messages
    FROM notify.endpoints AS endpoint
    INNER JOIN notify.messages AS message ON endpoint.endpoint_id = message.endpoint_id
    INNER JOIN notify.attempts AS attempt ON message.message_id = attempt.message_id
    WHERE endpoint.name = %(endpoint)s
    GROUP BY attempt.template_version
)

SELECT
    known.version,
    known.title_template,
    known.text_template,
    known.restored_from,
    known.restored_by,
    CASE
        WHEN known.restored_from IS NULL THEN 'Declared in notifications.yaml'
        ELSE 'Restored by ' || known.restored_by || ' from version ' || known.restored_from
    END AS origin,
    known.made_at,
    known.version = max(known.version) OVER () AS is_in_force,
    known.restored_from IS NULL
    AND known.version = max(known.version) FILTER (WHERE known.restored_from IS NULL) OVER () AS is_declared,
    coalesce(made.messages, 0) AS messages
FROM notify.template_versions AS known
INNER JOIN notify.endpoints AS endpoint ON known.endpoint_id = endpoint.endpoint_id
LEFT JOIN made ON known.version = made.version
WHERE endpoint.name = %(endpoint)s AND endpoint.removed_at IS NULL AND endpoint.person_id IS NULL
ORDER BY known.version DESC
