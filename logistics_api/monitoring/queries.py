"""The statement that reads the state of the pipeline."""

from logistics_api.sources.queries import BEHIND_SECONDS, RESOURCE_STATE, RESOURCES, SUMMED, summed
from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.file_warnings import HAS_WARNING
from logistics_core.database_contract.locks import IS_REFRESH_RUNNING

_PULLED = ("complete", "unchanged", "abandoned")

_SOURCES = f"""
SELECT coalesce(json_agg(json_build_object(
    'source', known.name,
    'resource', resource.name,
    'state', {RESOURCE_STATE},
    'behind_seconds', {BEHIND_SECONDS},
    'newest_record_at', extract(epoch FROM done.newest_record_at),
    'pulls', json_build_array({", ".join(f"coalesce(totals.{name}, 0)" for name in _PULLED)}),
    'failures', (
        SELECT coalesce(json_object_agg(kind, count), '{{}}')
        FROM source.failures AS failure
        WHERE failure.source = known.name AND failure.resource = resource.name
    ),
    {", ".join(f"'{name}', {summed(name)}" for name in SUMMED)}
)), '[]')
FROM source.sources AS known CROSS JOIN {RESOURCES}
WHERE known.removed_at IS NULL
"""
"""What is known about each resource of the sources in force."""

EXECUTIONS = """
SELECT coalesce(json_agg(summed), '[]')
FROM (
    SELECT
        model, kind, sum(executions) AS executions, sum(rows) AS rows, sum(seconds) AS seconds,
        coalesce(sum(queue_seconds), 0) AS queue_seconds, max(memory_bytes) AS memory_bytes, max(version) AS version
    FROM models.executions
    GROUP BY model, kind
) AS summed
"""
"""What models have cost, by model and kind."""

_MESSAGES = """
SELECT coalesce(json_agg(json_build_array(channel, state, messages)), '[]')
FROM (
    SELECT channel, state, count(*) AS messages
    FROM notify.messages
    WHERE state IN ('waiting', 'held') OR published_at > clock_timestamp() - interval '1 day'
    GROUP BY channel, state
) AS counted
"""
"""Messages that wait, and all others of the last day, by channel and state."""

_ENDPOINTS = """
SELECT json_build_object(
    'active', count(*) FILTER (WHERE disabled_at IS NULL AND failures = 0),
    'failing', count(*) FILTER (WHERE disabled_at IS NULL AND failures > 0),
    'disabled', count(*) FILTER (WHERE disabled_at IS NOT NULL)
)
FROM notify.endpoints
WHERE removed_at IS NULL
"""

_OLDEST_DUE = """
SELECT greatest(coalesce(extract(epoch FROM clock_timestamp() - min(message.due_at)), 0), 0)
FROM notify.messages AS message
INNER JOIN notify.endpoints AS endpoint ON message.endpoint_id = endpoint.endpoint_id
WHERE message.state = 'waiting' AND coalesce(endpoint.paused_until, '-infinity') <= clock_timestamp()
"""
"""For how long the message has been due that should be sent next."""

PIPELINE = f"""
-- Counts the completed and the pending work of the pipeline.
-- One row: one JSON object.
-- Reads alert.heartbeats, .incidents, analytics.status, ingest.files, .batches, models.executions, .jobs, pg_locks,
-- source.sources, .pulls, .totals, .failures, .due.
WITH refresh AS (
    SELECT {IS_REFRESH_RUNNING} AS is_running
),
files AS (
    SELECT dataset, state, count(*) AS files, count(*) FILTER (WHERE has_warning) AS warnings
    FROM (
        SELECT DISTINCT ON (path) dataset, state, dismissed_at, {HAS_WARNING} AS has_warning
        FROM ingest.files AS file
        ORDER BY path, version DESC
    ) AS latest
    WHERE dismissed_at IS NULL
    GROUP BY dataset, state
),
records AS (
    SELECT
        dataset,
        sum(records_loaded) AS loaded,
        sum(records_superseded) AS superseded,
        sum(records_rejected) AS rejected
    FROM ingest.files
    WHERE dataset IS NOT NULL
    GROUP BY dataset
),
waiting AS (
    SELECT count(*) AS batches, extract(epoch FROM clock_timestamp() - min(committed_at)) AS oldest_seconds
    FROM ingest.batches
    WHERE refreshed_as IS NULL
)
SELECT json_build_object(
    'data_version', data_version,
    'calculated_at', extract(epoch FROM last_calculated_at),
    'refresh_seconds', seconds,
    'refresh_is_running', is_running,
    'refresh_failed', error_message IS NOT NULL,
    'unassigned_shipments', unassigned_shipments,
    'waiting_batches', batches,
    'behind_seconds', coalesce(oldest_seconds, 0),
    'files', (SELECT coalesce(json_agg(json_build_array(coalesce(dataset, 'none'), state, files)), '[]') FROM files),
    'warnings', (
        SELECT coalesce(json_object_agg(dataset, warnings), '{{}}') FROM files WHERE state = '{FileState.LOADED}'
    ),
    'records', (
        SELECT coalesce(json_agg(json_build_array(dataset, loaded, superseded, rejected)), '[]') FROM records
    ),
    'source_problems', (
        SELECT count(*) FROM source.sources WHERE problem IS NOT NULL AND removed_at IS NULL
    ),
    'duties', (
        SELECT coalesce(json_object_agg(duty, extract(epoch FROM at)), '{{}}') FROM alert.heartbeats
    ),
    'incidents', (
        SELECT coalesce(json_object_agg(severity, open), '{{}}')
        FROM (
            SELECT severity, count(*) AS open FROM alert.incidents WHERE closed_at IS NULL GROUP BY severity
        ) AS counted
    ),
    'messages', ({_MESSAGES}),
    'endpoints', ({_ENDPOINTS}),
    'oldest_due_seconds', ({_OLDEST_DUE}),
    'sources', ({_SOURCES}),
    'models', ({EXECUTIONS}),
    'model_jobs', (
        SELECT json_build_object(
            'waiting', count(*) FILTER (WHERE state = 'queued'),
            'running', count(*) FILTER (WHERE state = 'running')
        )
        FROM models.jobs WHERE state IN ('queued', 'running')
    )
)::text
FROM analytics.status, refresh, waiting
"""
