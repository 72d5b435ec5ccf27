"""Closes the accounts of files that nobody is loading any more: gone, terminated, or left behind by a killed loader.

What was committed of them stays, and their next load goes on from there.
"""

import shlex

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.file_lock import if_nobody_has

_GONE = "The file is gone: it was removed or renamed before it was loaded. It is loaded when it is there again."
_TERMINATED = "Its run was terminated in Dagster. Materialise its partition, or `logistics retry`, to load the rest."


def fail_missing_file(connection: Connection, key: str) -> None:
    """Closes the account of a file that is no longer there, unless it was loaded, or somebody still reads it."""
    with if_nobody_has(connection, key) as is_free:
        known = ledger.latest_file(connection, key)
        if is_free and known is not None and known.state is not FileState.LOADED:
            ledger.fail(connection, known.file_id, _GONE, is_missing=True)


def fail_abandoned_file(connection: Connection, key: str) -> None:
    """Closes the account of a file whose loader was killed, where nobody but a person asks for another load."""
    with if_nobody_has(connection, key) as is_free:
        known = ledger.latest_file(connection, key)
        if is_free and known is not None and known.state is FileState.LOADING:
            error = f"Its load was killed. `logistics load {shlex.quote(key)}` goes on where it stopped."
            ledger.fail(connection, known.file_id, error)


def fail_terminated_file(connection: Connection, key: str, run_id: str) -> None:
    """Closes the account of a file whose run was terminated before it was loaded."""
    known = ledger.latest_file(connection, key)
    if known is not None and known.state in UNFINISHED_STATES:
        ledger.fail(connection, known.file_id, _TERMINATED, run_id=run_id)
