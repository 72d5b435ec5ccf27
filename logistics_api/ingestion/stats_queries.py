"""The query for ingestion statistics."""

import json

from logistics_api.ingestion.file_queries import FILE
from logistics_core.database_contract.file_states import DATASET_STATES, FileState
from logistics_core.database_contract.file_warnings import HAS_WARNING, REJECTED_SHARE
from logistics_core.database_contract.locks import IS_BEING_PULLED, IS_REFRESH_RUNNING
from logistics_core.database_contract.pull_states import PullState

_NO_FILES = json.dumps(dict.fromkeys(DATASET_STATES, 0))

STATS = f"""
-- Returns ingestion statistics: files and records by dataset, failures, running loads, speed and freshness.
-- One row: a JSON object.
-- Reads ingest.files, ingest.batches, analytics.status, source.sources, source.pulls, pg_locks.
WITH latest AS (
    SELECT DISTINCT ON (path)
        file_id, dataset, path, version, state, error, registered_at, finished_at, retry_requested_at, records_read,
        records_rejected, dismissed_at, {HAS_WARNING} AS has_warning, {REJECTED_SHARE} AS rejected_share
    FROM ingest.files AS file
    ORDER BY path, version DESC
),
counted AS (
    SELECT dataset, jsonb_object_agg(state, files) AS files, sum(warnings) AS warnings
    FROM (
        SELECT dataset, state, count(*) AS files, count(*) FILTER (WHERE has_warning) AS warnings
        FROM latest
        WHERE dismissed_at IS NULL
        GROUP BY dataset, state
    ) AS by_state
    GROUP BY dataset
),
accounts AS (
    SELECT
        dataset,
        sum(records_read) AS read,
        sum(records_loaded) AS loaded,
        sum(records_superseded) AS superseded,
        sum(records_rejected) AS rejected,
        sum(size_bytes) FILTER (WHERE state = '{FileState.LOADED}') AS bytes
    FROM ingest.files
    WHERE dataset IS NOT NULL
    GROUP BY dataset
),
datasets AS (
    SELECT json_agg(
        json_build_object(
            'dataset', dataset,
            'files',
                '{_NO_FILES}'::jsonb || coalesce(files, '{{}}'),
            'records', json_build_object(
                'read', read,
                'loaded', loaded,
                'superseded', superseded,
                'rejected', rejected
            ),
            'rejected_share', coalesce(round(rejected / nullif(read, 0), 4), 0),
            'files_with_warning', coalesce(warnings, 0),
            'bytes', coalesce(bytes, 0)
        )
        ORDER BY dataset
    ) AS listed
    FROM accounts
    LEFT JOIN counted USING (dataset)
),
failed AS (
    SELECT * FROM latest WHERE state = '{FileState.FAILED}' AND dismissed_at IS NULL
),
warned AS (
    SELECT
        count(*) AS files,
        coalesce(json_agg(
            json_build_object(
                'file_id', file_id,
                'dataset', dataset,
                'path', path,
                'version', version,
                'rejected', records_rejected,
                'rejected_share', rejected_share
            )
            ORDER BY position
        ) FILTER (WHERE position <= 10), '[]') AS listed
    FROM (
        SELECT *, row_number() OVER (ORDER BY records_rejected DESC, file_id DESC) AS position
        FROM latest
        WHERE has_warning
    ) AS numbered
),
latest_failed AS (
    SELECT json_agg(
        json_build_object(
            'file_id', file_id,
            'dataset', dataset,
            'path', path,
            'version', version,
            'error', error,
            'failed_at', finished_at
        )
        ORDER BY finished_at DESC NULLS LAST, file_id DESC
    ) AS listed
    FROM (SELECT * FROM failed ORDER BY finished_at DESC NULLS LAST, file_id DESC LIMIT 10) AS newest
),
loading AS (
    SELECT json_agg(document ORDER BY file_id) AS listed
    FROM (
        SELECT file_id, {FILE} AS document
        FROM ingest.files AS file
        WHERE state = '{FileState.LOADING}'
        ORDER BY file_id
        LIMIT 20
    ) AS newest
),
waiting_files AS (
    SELECT
        count(*) AS files,
        min(CASE WHEN state = '{FileState.REGISTERED}' THEN registered_at ELSE retry_requested_at END) AS since
    FROM latest
    WHERE state = '{FileState.REGISTERED}' OR retry_requested_at IS NOT NULL
),
waiting_batches AS (
    SELECT count(*) AS batches, min(committed_at) AS since
    FROM ingest.batches
    WHERE refreshed_as IS NULL
),
recent AS (
    SELECT records_read, bytes_read, seconds, finished_at
    FROM ingest.files
    WHERE state = '{FileState.LOADED}' AND finished_at IS NOT NULL
    ORDER BY finished_at DESC
    LIMIT 100
),
speed AS (
    SELECT json_build_object(
        'files', count(*),
        'records', coalesce(sum(records_read), 0),
        'bytes', coalesce(sum(bytes_read), 0),
        'seconds', round(coalesce(sum(seconds), 0)::numeric, 3),
        'records_per_second', round((sum(records_read) / nullif(sum(seconds), 0))::numeric),
        'bytes_per_second', round((sum(bytes_read) / nullif(sum(seconds), 0))::numeric),
        'median_seconds', round((percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds))::numeric, 3),
        'longest_seconds', round(max(seconds)::numeric, 3),
        'since', min(finished_at)
    ) AS figures
    FROM recent
),
last_run AS (
    SELECT json_build_object(
        'run_id', run_id,
        'run_url', %(dagster_url)s::text || '/runs/' || run_id,
        'files', count(*),
        'loaded', count(*) FILTER (WHERE state = '{FileState.LOADED}'),
        'failed', count(*) FILTER (WHERE state = '{FileState.FAILED}'),
        'records', sum(records_read),
        'started_at', min(started_at),
        'finished_at', CASE WHEN bool_and(finished_at IS NOT NULL) THEN max(finished_at) END
    ) AS figures
    FROM ingest.files
    WHERE run_id = (
        SELECT run_id FROM ingest.files WHERE run_id IS NOT NULL ORDER BY started_at DESC NULLS LAST LIMIT 1
    )
    GROUP BY run_id
),
refresh AS (
    SELECT {IS_REFRESH_RUNNING} AS is_calculating
),
recent_pulls AS (
    SELECT
        state, path, pages, bytes_received, requests, retries, rate_limited, seconds, seconds_waited, seconds_retrying,
        records, records_landed, records_unmapped, error_kind
    FROM source.pulls
    WHERE finished_at > clock_timestamp() - interval '24 hours'
),
landed AS (
    SELECT
        coalesce(sum(records_read), 0) AS read,
        coalesce(sum(records_loaded), 0) AS loaded,
        coalesce(sum(records_superseded), 0) AS superseded,
        coalesce(sum(records_rejected), 0) AS rejected
    FROM ingest.files
    WHERE path IN (SELECT path FROM recent_pulls)
),
pulls AS (
    SELECT json_build_object(
        'complete', count(*) FILTER (WHERE state = '{PullState.COMPLETE}'),
        'unchanged', count(*) FILTER (WHERE state = '{PullState.UNCHANGED}'),
        'failed', count(*) FILTER (WHERE state = '{PullState.FAILED}'),
        'pages', coalesce(sum(pages), 0),
        'bytes', coalesce(sum(bytes_received), 0),
        'requests', coalesce(sum(requests), 0),
        'retries', coalesce(sum(retries), 0),
        'rate_limited', coalesce(sum(rate_limited), 0),
        'seconds', round(coalesce(sum(seconds), 0)::numeric, 3),
        'seconds_waited', round(coalesce(sum(seconds_waited), 0)::numeric, 3),
        'seconds_retrying', round(coalesce(sum(seconds_retrying), 0)::numeric, 3),
        'records', json_build_object(
            'pulled', coalesce(sum(records), 0),
            'landed', coalesce(sum(records_landed), 0),
            'unmapped', coalesce(sum(records_unmapped), 0)
        ),
        'errors', (
            SELECT coalesce(json_object_agg(error_kind, pulls ORDER BY error_kind), '{{}}')
            FROM (
                SELECT coalesce(error_kind, 'unknown') AS error_kind, count(*) AS pulls
                FROM recent_pulls
                WHERE state = '{PullState.FAILED}'
                GROUP BY 1
            ) AS kinds
        )
    ) AS figures
    FROM recent_pulls
)
SELECT json_build_object(
    'datasets', coalesce(datasets.listed, '[]'),
    'unrecognised_files', (
        SELECT count(*) FROM latest WHERE state = '{FileState.UNRECOGNISED}' AND dismissed_at IS NULL
    ),
    'warnings', json_build_object('count', warned.files, 'latest', warned.listed),
    'failed', json_build_object(
        'count', (SELECT count(*) FROM failed),
        'latest', coalesce(latest_failed.listed, '[]')
    ),
    'loading', coalesce(loading.listed, '[]'),
    'waiting', json_build_object(
        'files', waiting_files.files,
        'oldest_registered_at', waiting_files.since,
        'batches', waiting_batches.batches,
        'oldest_committed_at', waiting_batches.since,
        'seconds', round(extract(epoch FROM clock_timestamp() - waiting_batches.since), 1)
    ),
    'recent_loads', speed.figures,
    'last_run', (SELECT figures FROM last_run),
    'pulls', json_build_object(
        'sources', (SELECT count(*) FROM source.sources WHERE removed_at IS NULL AND definition IS NOT NULL),
        'problems', (SELECT count(*) FROM source.sources WHERE removed_at IS NULL AND problem IS NOT NULL),
        'running', (
            SELECT count(*) FROM source.pulls AS pull WHERE state = '{PullState.RUNNING}' AND {IS_BEING_PULLED}
        ),
        'paused', (SELECT count(*) FROM source.pulls WHERE state = '{PullState.PAUSED}'),
        'failing', (SELECT count(*) FROM source.pulls WHERE state = '{PullState.FAILED}'),
        'last_day', (SELECT figures FROM pulls),
        'loaded_from_them', (SELECT to_json(landed) FROM landed)
    ),
    'analytics', json_build_object(
        'is_calculating', is_calculating,
        'last_calculated_at', last_calculated_at,
        'seconds', round(status.seconds::numeric, 3),
        'error_message', error_message,
        'data_version', data_version,
        'age_seconds', round(extract(epoch FROM clock_timestamp() - last_calculated_at), 1),
        'full_refresh_due', full_refresh_due
    )
)::text
FROM analytics.status AS status, refresh, datasets, latest_failed, warned, loading, waiting_files, waiting_batches,
    speed
"""
