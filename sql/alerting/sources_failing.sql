-- Finds for how long the newest pulls of resources have been failed or paused, in seconds.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads source.pulls, by its index of open ones, source.sources.

SELECT
    jsonb_build_object('source', pull.source, 'resource', pull.resource) AS labels,
    extract(EPOCH FROM %(moment)s - coalesce(pull.window_end, pull.started_at))::double precision AS value,
    CASE
        WHEN pull.error IS NULL
            THEN jsonb_build_array(
                'The last pull of {resource} from {source} is paused', NULL,
                jsonb_build_object('resource', pull.resource, 'source', pull.source)
            )
        ELSE jsonb_build_array(
            'Pulls of {resource} from {source} fail: {reason}', NULL,
            jsonb_build_object('resource', pull.resource, 'source', pull.source, 'reason', pull.error)
        )
    END AS summary,
    jsonb_build_array(
        jsonb_build_array('Source', pull.source),
        jsonb_build_array('Resource', pull.resource),
        jsonb_build_array('Attempts', pull.attempts),
        jsonb_build_array('Advice', coalesce(pull.advice, ''))
    ) AS facts,
    '/sources' AS page
FROM source.pulls AS pull
INNER JOIN source.sources AS known ON pull.source = known.name AND known.removed_at IS NULL
WHERE pull.state IN ('failed', 'paused')
    AND NOT EXISTS (
        SELECT FROM source.pulls AS newer
        WHERE newer.source = pull.source AND newer.resource = pull.resource AND newer.pull_id > pull.pull_id
    )
ORDER BY pull.source, pull.resource
LIMIT %(most)s;
