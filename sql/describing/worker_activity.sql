-- Says what the worker does: when it evaluated alerts and rules last, what is open, and what became of the messages of a day.
-- One row: a JSON object.
-- Reads alert.heartbeats, .evaluations, .incidents, notify.messages, by their indexes.

SELECT
    json_build_object(
        'seconds_since_heartbeat', (
            SELECT extract(EPOCH FROM clock_timestamp() - at)::double precision
            FROM alert.heartbeats
            WHERE duty = 'alerts'
        ),
        'problem', (SELECT problem FROM alert.heartbeats WHERE duty = 'alerts'),
        'rules', (SELECT count(*) FROM alert.evaluations),
        'subjects', (SELECT coalesce(sum(subjects), 0) FROM alert.evaluations),
        'not_evaluated', (
            SELECT coalesce(json_object_agg(rule, error ORDER BY rule), '{}')
            FROM alert.evaluations
            WHERE error IS NOT NULL
        ),
        'open', (
            SELECT coalesce(json_object_agg(severity, incidents ORDER BY severity), '{}')
            FROM (
                SELECT severity, count(*) AS incidents
                FROM alert.incidents
                WHERE closed_at IS NULL
                GROUP BY severity
            ) AS of_severity
        ),
        'newest_incident', (SELECT coalesce(max(incident_id), 0) FROM alert.incidents),
        'messages', (
            SELECT coalesce(json_object_agg(state, messages ORDER BY state), '{}')
            FROM (
                SELECT state, count(*) AS messages
                FROM notify.messages
                WHERE published_at > clock_timestamp() - interval '1 day'
                GROUP BY state
            ) AS of_state
        )
    )
