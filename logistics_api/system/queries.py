"""Statements about the system itself."""

from logistics_api.measures.sql import FUTURE_DAYS, LAST_DAY
from logistics_core.database_contract.contracts import ProposalState
from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.file_warnings import HAS_WARNING
from logistics_core.database_contract.locks import IS_REFRESH_RUNNING

AWAITED_DATASET = "vehicle_logs"
"""Its records give shipments their day and vehicle: without its log, a shipment is in no dated figure."""

STATUS = f"""
-- Makes the state of analytics and ledger.
-- One row: one JSON object.
-- Reads analytics.status, analytics.days, ingest.files, catalogue.proposals, pg_locks.
WITH refresh AS (
    SELECT {IS_REFRESH_RUNNING} AS is_calculating
),
latest AS (
    SELECT DISTINCT ON (path) state, dismissed_at, {HAS_WARNING} AS has_warning
    FROM ingest.files AS file
    ORDER BY path, version DESC
),
states AS (
    SELECT json_object_agg(state, coalesce(files, 0) ORDER BY position) AS files
    FROM unnest(ARRAY{[str(state) for state in FileState]})
        WITH ORDINALITY AS known (state, position)
    LEFT JOIN (
        SELECT state, count(*) AS files FROM latest WHERE dismissed_at IS NULL GROUP BY state
    ) AS counted USING (state)
),
ledger AS (
    SELECT json_build_object(
        'read', coalesce(sum(records_read), 0),
        'loaded', coalesce(sum(records_loaded), 0),
        'superseded', coalesce(sum(records_superseded), 0),
        'rejected', coalesce(sum(records_rejected), 0)
    ) AS records,
    coalesce(round(sum(records_rejected) / nullif(sum(records_read), 0), 4), 0) AS rejected_share
    FROM ingest.files
)
SELECT json_build_object(
    'is_calculating', is_calculating,
    'started_calculating_at', CASE WHEN is_calculating THEN started_calculating_at END,
    'last_calculated_at', last_calculated_at,
    'error_message', error_message,
    'data_version', data_version,
    'unassigned_shipments', unassigned_shipments,
    'awaited_dataset', CASE WHEN unassigned_shipments > 0 THEN '{AWAITED_DATASET}' END,
    'first_day', first_day,
    'last_day', {LAST_DAY},
    'future_days', {FUTURE_DAYS},
    'files', files,
    'files_with_warning', (SELECT count(*) FROM latest WHERE has_warning),
    'records', records,
    'rejected_share', rejected_share,
    'open_incidents', (
        SELECT count(*) FROM alert.incidents WHERE closed_at IS NULL AND severity <> 'info'
    ),
    'open_proposals', (SELECT count(*) FROM catalogue.proposals WHERE state = '{ProposalState.OPEN}'),
    'contracts_problem', %(contracts_problem)s::text
)::text
FROM analytics.status, refresh, states, ledger
"""

SCHEMA_VERSION = """
-- Finds the schema version of the ledger.
-- One row: the version.
-- Reads ingest.alembic_version.
SELECT max(version_num) FROM ingest.alembic_version
"""
