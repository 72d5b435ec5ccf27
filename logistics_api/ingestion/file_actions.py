"""Which actions make sense for a file now, and why another does not: SQL about a row `file` of ingest.files."""

from logistics_core.database_contract.file_requests import FileAction
from logistics_core.database_contract.file_states import (
    DISMISSIBLE_STATES,
    UNFINISHED_STATES,
    FileState,
    sql_list,
)

_IS_REPLACED = (
    "EXISTS (SELECT FROM ingest.files AS newer WHERE newer.path = file.path AND newer.version > file.version)"
)

REFUSALS = {
    FileAction.RETRY: f"""
CASE
    WHEN {_IS_REPLACED} THEN 'replaced'
    WHEN file.dataset IS NULL THEN 'unrecognised'
    WHEN starts_with(file.path, '/') THEN 'elsewhere'
    WHEN file.retry_requested_at IS NOT NULL OR file.state IN {sql_list(UNFINISHED_STATES)} THEN 'under-way'
    WHEN file.state = '{FileState.LOADED}' AND NOT file.is_reload_due THEN 'loaded'
END
""",
    FileAction.UNLOAD: f"""
CASE
    WHEN file.state = '{FileState.LOADING}' THEN 'loading'
    WHEN file.state = '{FileState.UNLOADED}' THEN 'unloaded'
    WHEN file.dataset IS NULL OR file.state <> '{FileState.LOADED}' AND file.records_read = 0 THEN 'empty'
END
""",
    FileAction.FORGET: f"""
CASE
    WHEN {_IS_REPLACED} THEN 'replaced'
    WHEN file.state NOT IN {sql_list(DISMISSIBLE_STATES)} THEN 'not-failed'
    WHEN file.dismissed_at IS NOT NULL THEN 'dismissed'
    WHEN file.records_loaded > 0 THEN 'has-rows'
END
""",
}
"""By action: why it makes no sense, in a word; NULL if it does."""

SENTENCES = {
    "replaced": "A newer version has replaced this one: act on that version.",
    "unrecognised": "Its path names no dataset, so it cannot be loaded: decide on the contract that is proposed for "
    "it, or upload it to a dataset.",
    "elsewhere": "It is outside the raw folder, which Dagster watches: `logistics load` loads it.",
    "under-way": "It is being loaded or waits for its load: there is nothing to request.",
    "loaded": "It is loaded: there is nothing to retry. To load it again, unload it first.",
    "loading": "It is being loaded: unload it when its load has ended.",
    "unloaded": "It is unloaded already.",
    "empty": "Nothing of it is in the database.",
    "not-failed": "Only failed and unrecognised files can be dismissed.",
    "dismissed": "It is dismissed already.",
    "has-rows": "It has rows in the database: unload it first. An unloaded file needs no dismissal.",
}

POSSIBLE_ACTIONS = f"""
to_jsonb(array_remove(ARRAY[
    {", ".join(f"CASE WHEN ({refusal}) IS NULL THEN '{action}' END" for action, refusal in REFUSALS.items())}
], NULL))
"""
"""JSON array of the actions that make sense."""

REQUEST = """
jsonb_build_object(
    'request_id', request.request_id,
    'action', request.action,
    'requested_by', request.requested_by,
    'requested_at', request.requested_at,
    'done_at', request.done_at,
    'outcome', request.outcome,
    'error', request.error
)
"""
"""A request as JSON, from a row `request` of ingest.file_requests."""

LATEST_REQUEST = f"""
(
    SELECT {REQUEST}
    FROM ingest.file_requests AS request
    WHERE request.file_id = file.file_id
    ORDER BY request.request_id DESC
    LIMIT 1
)
"""
