"""The query for the profiles of a dataset's files."""

from logistics_core.database_contract.file_states import FileState
from logistics_core.quality.queries import IS_COUNTED

PROFILES = f"""
-- Returns what is known about the columns of a dataset.
-- One row: version of the contract, when and by whom it was accepted; loaded files; of the latest of them that have a
-- profile: how many, their accepted records, their profiles with the newest first.
-- Reads catalogue.datasets, .contracts, ingest.files, .file_profiles.
WITH loaded AS MATERIALIZED (
    SELECT file.file_id, file.records_read - file.records_rejected AS records
    FROM ingest.files AS file
    WHERE file.dataset = %(dataset)s AND file.state = '{FileState.LOADED}' AND {IS_COUNTED}
),
latest AS (
    SELECT file_id, loaded.records, profile.fields
    FROM loaded
    JOIN ingest.file_profiles AS profile USING (file_id)
    ORDER BY file_id DESC
    LIMIT %(most)s
)
SELECT
    contract.version,
    contract.accepted_at,
    contract.accepted_by,
    (SELECT count(*) FROM loaded),
    count(latest.file_id),
    coalesce(sum(latest.records), 0)::bigint,
    coalesce(json_agg(latest.fields ORDER BY latest.file_id DESC) FILTER (WHERE latest.file_id IS NOT NULL), '[]')
FROM (SELECT %(dataset)s::text AS dataset) AS wanted
LEFT JOIN catalogue.datasets AS current ON current.dataset = wanted.dataset AND current.retired_at IS NULL
LEFT JOIN catalogue.contracts AS contract ON contract.dataset = current.dataset AND contract.version = current.version
LEFT JOIN latest ON true
GROUP BY contract.version, contract.accepted_at, contract.accepted_by
"""
