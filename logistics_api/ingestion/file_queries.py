"""Queries for files and their batches."""

from collections.abc import Collection

from logistics_api.ingestion.file_actions import LATEST_REQUEST, POSSIBLE_ACTIONS
from logistics_api.ingestion.filters import where
from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.file_warnings import HAS_WARNING, REJECTED_SHARE
from logistics_core.settings import Settings

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
        -- Bytes are counted decompressed; the decompressed size of a compressed file is unknown.
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
    'notes', file.notes,
    'values_cleared', file.values_cleared,
    'error', file.error,
    'warning', file.warning,
    'has_warning', {HAS_WARNING},
    'rejected_share', {REJECTED_SHARE},
    'dismissed_at', file.dismissed_at,
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
"""A file as JSON, from a row `file` of ingest.files, with the parameters of `file_parameters`."""


def file_parameters(settings: Settings) -> dict[str, object]:
    """The parameters of `FILE`: where the Dagster UI is, and from how many rejects on a file has a warning."""
    return {"dagster_url": settings.dagster_url, **settings.warn_threshold.parameters()}


_IS_REPLACED = "SELECT FROM ingest.files AS newer WHERE newer.path = file.path AND newer.version > file.version"

FILE_FILTERS = {
    "state": "file.state = ANY(%(state)s)",
    "dataset": "file.dataset = %(dataset)s",
    "path_prefix": "starts_with(file.path, %(path_prefix)s)",
    "current": f"%(current)s = (NOT EXISTS ({_IS_REPLACED}))",
    "warning": f"%(warning)s = {HAS_WARNING}",
    "dismissed": "%(dismissed)s = (file.dismissed_at IS NOT NULL)",
    "after": "file.file_id < %(after)s",
}


def files(given: Collection[str]) -> str:
    """Builds the query for a page of the ledger, latest registration first.

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
    {where(FILE_FILTERS, given)}
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
-- Returns a file with its status, drift and batches.
-- One row: a JSON object, NULL if the file does not exist.
-- Reads ingest.files, ingest.batches, ingest.file_requests.
SELECT (
    SELECT (
        {FILE}::jsonb || jsonb_build_object(
            'is_balanced', file.records_read = file.records_loaded + file.records_superseded + file.records_rejected,
            'actions', {POSSIBLE_ACTIONS},
            'latest_request', {LATEST_REQUEST},
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
-- Returns a page of a file's batches, latest first.
-- One row: whether the file exists; a JSON array; the batch_id of the last entry; whether there are more.
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
