"""Closes the status of files that nobody is loading any more: missing, terminated, or left behind by a killed loader.

Batches already committed stay, and the next load resumes after them.
"""

import shlex

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.file_lock import free_file_lock

_GONE = "The file was removed or renamed before it was loaded. It will be loaded when it is back."
_TERMINATED = "Its run was terminated in Dagster. To load the rest, materialise its partition or run `logistics retry`."


def fail_missing_file(connection: Connection, key: str) -> None:
    """Marks a file as failed because it no longer exists, unless it was loaded or is still being read."""
    with free_file_lock(connection, key) as is_free:
        known = ledger.latest_file(connection, key)
        if is_free and known is not None and known.state is not FileState.LOADED:
            ledger.fail(connection, known.file_id, _GONE, is_missing=True)


def fail_abandoned_file(connection: Connection, key: str) -> None:
    """Marks a file as failed whose loader was killed and that only a person will load again."""
    with free_file_lock(connection, key) as is_free:
        known = ledger.latest_file(connection, key)
        if is_free and known is not None and known.state is FileState.LOADING:
            error = f"Its load was killed. `logistics load {shlex.quote(key)}` resumes it."
            ledger.fail(connection, known.file_id, error)


def fail_terminated_file(connection: Connection, key: str, run_id: str) -> None:
    """Marks a file as failed whose run was terminated before the file was loaded."""
    known = ledger.latest_file(connection, key)
    if known is not None and known.state in UNFINISHED_STATES:
        ledger.fail(connection, known.file_id, _TERMINATED, run_id=run_id)


def fail_unreadable_file(connection: Connection, key: str, error: str, run_id: str) -> None:
    """Marks a file as failed that its place refuses to hand out, unless it was loaded."""
    known = ledger.latest_file(connection, key)
    if known is not None and known.state in UNFINISHED_STATES:
        ledger.fail(connection, known.file_id, error, run_id=run_id)
