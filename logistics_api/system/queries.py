"""Statements about the system itself."""

from logistics_api.measures.sql import FUTURE_DAYS, LAST_DAY
from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.locks import IS_REFRESH_RUNNING

STATUS = f"""
-- Makes the state of analytics and ledger.
-- One row: one JSON object.
-- Reads analytics.status, analytics.days, ingest.files, pg_locks.
WITH refresh AS (
    SELECT {IS_REFRESH_RUNNING} AS is_calculating
),
latest AS (
    SELECT DISTINCT ON (path) state
    FROM ingest.files
    ORDER BY path, version DESC
),
states AS (
    SELECT json_object_agg(state, coalesce(files, 0) ORDER BY position) AS files
    FROM unnest(ARRAY{[str(state) for state in FileState]})
        WITH ORDINALITY AS known (state, position)
    LEFT JOIN (SELECT state, count(*) AS files FROM latest GROUP BY state) AS counted USING (state)
),
ledger AS (
    SELECT json_build_object(
        'read', coalesce(sum(records_read), 0),
        'loaded', coalesce(sum(records_loaded), 0),
        'superseded', coalesce(sum(records_superseded), 0),
        'rejected', coalesce(sum(records_rejected), 0)
    ) AS records
    FROM ingest.files
)
SELECT json_build_object(
    'is_calculating', is_calculating,
    'started_calculating_at', CASE WHEN is_calculating THEN started_calculating_at END,
    'last_calculated_at', last_calculated_at,
    'error_message', error_message,
    'data_version', data_version,
    'unassigned_shipments', unassigned_shipments,
    'first_day', first_day,
    'last_day', {LAST_DAY},
    'future_days', {FUTURE_DAYS},
    'files', files,
    'records', records
)::text
FROM analytics.status, refresh, states, ledger
"""

SCHEMA_VERSION = """
-- Finds the schema version of the ledger.
-- One row: the version.
-- Reads ingest.alembic_version.
SELECT max(version_num) FROM ingest.alembic_version
"""
