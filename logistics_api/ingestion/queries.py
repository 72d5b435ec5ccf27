"""Statements about the ledger. Filters are fragments: only those that were asked for become part of a statement."""

import json
from collections.abc import Collection

from logistics_core.database_contract.file_states import DATASET_STATES, FileState
from logistics_core.database_contract.locks import IS_REFRESH_RUNNING

PROGRESS = f"""
CASE WHEN file.state = '{FileState.LOADING}' THEN (
    SELECT json_build_object(
        'bytes_done', file.bytes_read,
        'bytes_total', total,
        'fraction', round(file.bytes_read / nullif(total, 0)::numeric, 4),
        'bytes_per_second', round(bytes_rate),
        'records_per_second', round(file.records_read / seconds),
        'seconds_left', round((total - file.bytes_read) / nullif(bytes_rate, 0))
    )
    FROM (SELECT nullif(file.seconds, 0)::numeric AS seconds) AS spent,
        LATERAL (SELECT file.bytes_read / seconds AS bytes_rate) AS rate,
        -- Bytes are counted decompressed; of compressed files nobody knows how many there will be.
        LATERAL (
            SELECT CASE
                WHEN file.path ~* '\\.(gz|gzip|zst|zstd)$' OR file.bytes_read > file.size_bytes THEN NULL
                ELSE file.size_bytes
            END AS total
        ) AS expected
) END
"""

FILE = f"""
json_build_object(
    'file_id', file.file_id,
    'dataset', file.dataset,
    'path', file.path,
    'version', file.version,
    'is_current', NOT EXISTS (
        SELECT FROM ingest.files AS newer WHERE newer.path = file.path AND newer.version > file.version
    ),
    'state', file.state,
    'size_bytes', file.size_bytes,
    'modified_at', timestamptz 'epoch' + file.modified_ns / 1000 * interval '1 microsecond',
    'content_sha256', file.content_hash,
    'format', file.format,
    'records', json_build_object(
        'read', file.records_read,
        'loaded', file.records_loaded,
        'superseded', file.records_superseded,
        'rejected', file.records_rejected
    ),
    'bytes_read', file.bytes_read,
    'unknown_fields', file.unknown_fields,
    'error', file.error,
    'warning', file.warning,
    'attempts', file.attempts,
    'seconds', round(file.seconds::numeric, 3),
    'run_id', file.run_id,
    'run_url', %(dagster_url)s::text || '/runs/' || file.run_id,
    'registered_at', file.registered_at,
    'started_at', file.started_at,
    'finished_at', file.finished_at,
    'is_reload_due', file.is_reload_due,
    'retry_requested_at', file.retry_requested_at,
    'progress', {PROGRESS}
)
"""
"""A file as JSON: of a row `file` of ingest.files, with the parameter `dagster_url`."""

_IS_REPLACED = "SELECT FROM ingest.files AS newer WHERE newer.path = file.path AND newer.version > file.version"

FILE_FILTERS = {
    "state": "file.state = ANY(%(state)s)",
    "dataset": "file.dataset = %(dataset)s",
    "path_prefix": "starts_with(file.path, %(path_prefix)s)",
    "current": f"%(current)s = (NOT EXISTS ({_IS_REPLACED}))",
    "after": "file.file_id < %(after)s",
}


def files(given: Collection[str]) -> str:
    """Makes a page of the ledger, the file registered last first.

    One row: a JSON array; the file_id of the last entry; whether there are more. Reads ingest.files.
    """
    return f"""
SELECT
    coalesce(json_agg(file ORDER BY file_id DESC) FILTER (WHERE number <= %(limit)s), '[]')::text,
    min(file_id) FILTER (WHERE number <= %(limit)s),
    count(*) > %(limit)s
FROM (
    SELECT file_id, row_number() OVER (ORDER BY file_id DESC) AS number, {FILE} AS file
    FROM ingest.files AS file
    {_where(FILE_FILTERS, given)}
    ORDER BY file_id DESC
    LIMIT %(limit)s + 1
) AS page
"""


_BATCH_COLUMNS = "batch_id, last_record, records, merged, committed_at, refreshed_as"

BATCH = """
json_build_object(
    'batch_id', batch_id,
    'last_record', last_record,
    'records', records,
    'merged', merged,
    'committed_at', committed_at,
    'refreshed_as', refreshed_as
)
"""

ONE_FILE = f"""
-- Makes a file with all there is to say about it: account, drift, batches.
-- One row: a JSON object, NULL where there is no such file.
-- Reads ingest.files, ingest.batches.
SELECT (
    SELECT (
        {FILE}::jsonb || jsonb_build_object(
            'is_balanced', file.records_read = file.records_loaded + file.records_superseded + file.records_rejected,
            'drift', (
                WITH earlier AS (
                    SELECT unknown_fields AS fields
                    FROM ingest.files AS before
                    WHERE before.dataset = file.dataset AND before.file_id < file.file_id
                        AND before.state = '{FileState.LOADED}' AND before.records_read > 0
                    ORDER BY before.file_id DESC
                    LIMIT 10
                ),
                counted AS (
                    SELECT field, count(*) AS files
                    FROM earlier, unnest(fields) AS field
                    GROUP BY field
                )
                SELECT jsonb_build_object(
                    'unknown_fields', file.unknown_fields,
                    'appeared', CASE WHEN compared = 0 THEN '{{}}' ELSE ARRAY(
                        SELECT field FROM unnest(file.unknown_fields) AS field
                        WHERE field NOT IN (SELECT field FROM counted) ORDER BY field
                    ) END,
                    'vanished', CASE WHEN file.records_read = 0 THEN '{{}}' ELSE ARRAY(
                        SELECT field FROM counted
                        WHERE files = compared AND field <> ALL(file.unknown_fields) ORDER BY field
                    ) END,
                    'files_compared', compared
                )
                FROM (SELECT count(*) AS compared FROM earlier) AS compared
            ),
            'batches', (
                SELECT jsonb_build_object(
                    'count', count(*),
                    'waiting', count(*) FILTER (WHERE refreshed_as IS NULL),
                    'latest', coalesce((
                        SELECT jsonb_agg({BATCH} ORDER BY batch_id DESC)
                        FROM (
                            SELECT {_BATCH_COLUMNS}
                            FROM ingest.batches
                            WHERE file_id = file.file_id
                            ORDER BY batch_id DESC
                            LIMIT 20
                        ) AS latest
                    ), '[]')
                )
                FROM ingest.batches
                WHERE file_id = file.file_id
            )
        )
    )::text
    FROM ingest.files AS file
    WHERE file_id = %(file_id)s
)
"""

BATCHES = f"""
-- Makes a page of a file's batches, the last one first.
-- One row: whether there is such a file; a JSON array; the batch_id of the last entry; whether there are more.
-- Reads ingest.files, ingest.batches.
SELECT
    EXISTS (SELECT FROM ingest.files WHERE file_id = %(file_id)s),
    coalesce(json_agg({BATCH} ORDER BY batch_id DESC) FILTER (WHERE number <= %(limit)s), '[]')::text,
    min(batch_id) FILTER (WHERE number <= %(limit)s),
    count(*) > %(limit)s
FROM (
    SELECT {_BATCH_COLUMNS}, row_number() OVER (ORDER BY batch_id DESC) AS number
    FROM ingest.batches
    WHERE file_id = %(file_id)s AND (%(after)s::bigint IS NULL OR batch_id < %(after)s)
    ORDER BY batch_id DESC
    LIMIT %(limit)s + 1
) AS page
"""

# A reason without the value that was found: rejects that differ in it alone are of one kind.
_KIND = "split_part(reject.reason, ', found ', 1)"

REJECT_FILTERS = {
    "file_id": "reject.file_id = %(file_id)s",
    "dataset": "file.dataset = %(dataset)s",
    "field": "reject.field = %(field)s",
    "reason": f"{_KIND} = split_part(%(reason)s, ', found ', 1)",
    "resolved": "(reject.resolved_at IS NOT NULL) = %(resolved)s",
    "after": "(reject.file_id, reject.record_no) > (%(after_file)s, %(after_record)s)",
}


def rejects(given: Collection[str]) -> str:
    """Finds a page of rejected records, by file and record.

    One row per reject; of the raw text, which may be no text at all, only the beginning.
    Reads ingest.rejects, ingest.files.
    """
    return f"""
SELECT
    reject.file_id,
    file.path,
    file.version,
    file.dataset,
    reject.record_no,
    reject.byte_offset,
    reject.field,
    reject.reason,
    substring(reject.raw FOR %(raw_bytes)s) AS raw,
    octet_length(reject.raw) AS raw_bytes,
    reject.rejected_at,
    reject.resolved_at,
    reject.mended IS NOT NULL AS is_mended
FROM ingest.rejects AS reject
JOIN ingest.files AS file USING (file_id)
{_where(REJECT_FILTERS, given)}
ORDER BY reject.file_id, reject.record_no
LIMIT %(limit)s + 1
"""


def reject_kinds(given: Collection[str]) -> str:
    """Counts rejects by what is wrong with them, the commonest first, with the first of each kind.

    One row per dataset, field and kind of reason. Reads ingest.rejects, ingest.files.
    """
    return f"""
WITH by_file AS (
    SELECT
        reject.file_id,
        file.dataset,
        reject.field,
        {_KIND} AS reason,
        count(*) AS count,
        min(reject.record_no) AS first_record
    FROM ingest.rejects AS reject
    JOIN ingest.files AS file USING (file_id)
    {_where(REJECT_FILTERS, given)}
    GROUP BY 1, 2, 3, 4
),
kinds AS (
    SELECT
        dataset,
        field,
        reason,
        sum(count)::bigint AS count,
        count(*) AS files,
        min(ARRAY[file_id, first_record]) AS first
    FROM by_file
    GROUP BY 1, 2, 3
    ORDER BY count DESC, first
    LIMIT %(limit)s
)
SELECT
    kinds.dataset,
    kinds.field,
    kinds.reason,
    kinds.count,
    kinds.files,
    reject.file_id,
    file.path,
    reject.record_no,
    substring(reject.raw FOR %(raw_bytes)s) AS raw,
    octet_length(reject.raw) AS raw_bytes
FROM kinds
JOIN ingest.rejects AS reject ON (reject.file_id, reject.record_no) = (kinds.first[1], kinds.first[2])
JOIN ingest.files AS file ON file.file_id = reject.file_id
ORDER BY kinds.count DESC, kinds.first
"""


def _where(fragments: dict[str, str], given: Collection[str]) -> str:
    wanted = [fragment for name, fragment in fragments.items() if name in given]
    return f"WHERE {' AND '.join(wanted)}" if wanted else ""


_NO_FILES = json.dumps(dict.fromkeys(DATASET_STATES, 0))

STATS = f"""
-- Makes what an operator's page shows: files and records by dataset, what failed, what goes on, how fast, how fresh.
-- One row: a JSON object.
-- Reads ingest.files, ingest.batches, analytics.status, pg_locks.
WITH latest AS (
    SELECT DISTINCT ON (path)
        file_id, dataset, path, version, state, error, registered_at, finished_at, retry_requested_at
    FROM ingest.files
    ORDER BY path, version DESC
),
counted AS (
    SELECT dataset, jsonb_object_agg(state, files) AS files
    FROM (SELECT dataset, state, count(*) AS files FROM latest GROUP BY dataset, state) AS by_state
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
                '{_NO_FILES}'::jsonb || files,
            'records', json_build_object(
                'read', read,
                'loaded', loaded,
                'superseded', superseded,
                'rejected', rejected
            ),
            'bytes', coalesce(bytes, 0)
        )
        ORDER BY dataset
    ) AS listed
    FROM accounts
    JOIN counted USING (dataset)
),
failed AS (
    SELECT * FROM latest WHERE state = '{FileState.FAILED}'
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
)
SELECT json_build_object(
    'datasets', coalesce(datasets.listed, '[]'),
    'unrecognised_files', (SELECT count(*) FROM latest WHERE state = '{FileState.UNRECOGNISED}'),
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
FROM analytics.status AS status, refresh, datasets, latest_failed, loading, waiting_files, waiting_batches, speed
"""
