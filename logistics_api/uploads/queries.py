"""Upload queries."""

from logistics_api.ingestion.file_queries import FILE
from logistics_core.database_contract.audit import LOG_UPLOAD
from logistics_core.database_contract.file_states import FileState

HAS_TABLE = """
-- Returns whether a dataset's table exists: `logistics migrate` creates it from the contract.
-- One row: whether it exists.
-- Reads the catalogue of PostgreSQL.
SELECT to_regclass(%(table)s) IS NOT NULL
"""

HAS_FAILED = f"""
-- Returns whether a file of this size and time is the newest version under its path, and has failed.
-- One row: whether it has.
-- Reads ingest.files.
SELECT EXISTS (
    SELECT FROM ingest.files
    WHERE path = %(path)s
        AND (size_bytes, modified_ns) = (%(size_bytes)s, %(modified_ns)s)
        AND state = '{FileState.FAILED}'
        AND version = (SELECT max(version) FROM ingest.files WHERE path = %(path)s)
)
"""

IS_KNOWN = f"""
-- Returns whether the ledger has a file under this path whose newest version has not failed and was not removed.
-- One row: whether it has.
-- Reads ingest.files.
SELECT EXISTS (
    SELECT FROM ingest.files
    WHERE path = %(path)s
        AND state NOT IN ('{FileState.FAILED}', '{FileState.UNLOADED}')
        AND version = (SELECT max(version) FROM ingest.files WHERE path = %(path)s)
)
"""

# A file whose content did not change gets no new version, so content is compared as well, but only with the newest
# version: older content has been replaced, and if it returns, it has yet to be loaded.
UPLOAD = f"""
-- Finds the ledger entry of an uploaded file, and another loaded file with the same content.
-- One row: the file as a JSON object or NULL; the other file as a JSON object or NULL.
-- Reads ingest.files.
SELECT
    (
        SELECT {FILE}::text
        FROM ingest.files AS file
        CROSS JOIN LATERAL (
            SELECT (size_bytes, modified_ns) = (%(size_bytes)s, %(modified_ns)s) AS is_the_same
        ) AS fingerprint
        WHERE path = %(path)s
            AND (
                is_the_same
                OR content_hash = %(sha256)s
                AND NOT EXISTS (SELECT FROM ingest.files WHERE path = file.path AND version > file.version)
            )
        ORDER BY is_the_same DESC, version DESC
        LIMIT 1
    ),
    (
        SELECT json_build_object('file_id', file_id, 'path', path)::text
        FROM ingest.files
        WHERE content_hash = %(sha256)s AND dataset = %(dataset)s AND state = '{FileState.LOADED}' AND path <> %(path)s
        ORDER BY file_id DESC
        LIMIT 1
    )
"""

UPLOADED = f"SELECT {LOG_UPLOAD}"
"""Adds an entry to the audit log."""
