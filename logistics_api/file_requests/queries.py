"""Statements about requests: the one that makes them, and what they and their file are now."""

from logistics_api.ingestion.file_actions import REFUSALS
from logistics_core.database_contract.file_requests import REQUEST_FILE_ACTION, FileAction


def refusal(action: FileAction) -> str:
    """Builds the query that tells whether an action makes sense for a file.

    One row: whether the file exists; why the action makes no sense, in a word. Reads ingest.files.
    """
    return f"""
SELECT count(*) > 0, max({REFUSALS[action]})
FROM ingest.files AS file
WHERE file.file_id = %(file_id)s
"""


MAKE_REQUEST = f"""
-- Requests an action; NULL if the file is gone.
-- One row: the number of the file's pending request.
SELECT {REQUEST_FILE_ACTION}
"""

ONE_REQUEST = """
-- Returns a request with its file's path.
-- One row: a JSON object, NULL if the request does not exist; how many seconds ago it was made.
-- Reads ingest.file_requests, ingest.files.
SELECT
    (array_agg(jsonb_build_object(
        'request_id', request.request_id,
        'action', request.action,
        'file_id', request.file_id,
        'path', file.path,
        'requested_by', request.requested_by,
        'requested_at', request.requested_at,
        'done_at', request.done_at,
        'outcome', request.outcome,
        'error', request.error
    )))[1]::text,
    coalesce(max(extract(epoch FROM clock_timestamp() - request.requested_at)), 0)::double precision
FROM ingest.file_requests AS request
JOIN ingest.files AS file USING (file_id)
WHERE request.request_id = %(request_id)s
"""
