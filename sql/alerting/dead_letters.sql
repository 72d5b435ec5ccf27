-- Counts the messages to each declared endpoint that were given up lately, and were not sent again since.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads notify.messages, by its index, and notify.endpoints.

SELECT
    jsonb_build_object('endpoint', endpoint.name) AS labels,
    count(*)::double precision AS value,
    jsonb_build_array(
        '{count} message to {endpoint} was given up',
        '{count} messages to {endpoint} were given up',
        jsonb_build_object('count', count(*), 'endpoint', endpoint.name)
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('Endpoint', endpoint.name),
        jsonb_build_array('Last reason', (array_agg(message.reason ORDER BY message.ended_at DESC))[1])
    ) AS facts,
    '/notifications' AS page
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
WHERE message.state = 'dead' AND endpoint.person_id IS NULL
    AND (endpoint.removed_at IS NULL OR endpoint.removed_at > %(past)s)
    AND message.ended_at > %(moment)s - make_interval(days => %(window_days)s)
    AND (%(past)s::timestamptz IS NULL OR message.ended_at <= %(past)s)
GROUP BY endpoint.name
ORDER BY endpoint.name
LIMIT %(most)s;
