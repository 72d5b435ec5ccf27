"""The states of a file in `ingest.files`, and which of them may follow which."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class FileState(StrEnum):
    """How far a version of a file is. The table accepts no other values."""

    REGISTERED = "registered"
    """Found, waiting to be loaded."""
    LOADING = "loading"
    """Being loaded, or interrupted and to be resumed."""
    LOADED = "loaded"
    """Loaded to its end."""
    FAILED = "failed"
    """Given up: the file is at fault or gone, its run was terminated, or a newer version replaced it."""
    UNRECOGNISED = "unrecognised"
    """Belongs to no dataset."""
    UNLOADED = "unloaded"
    """Its rows were removed on request."""


INITIAL_STATES = frozenset({FileState.REGISTERED, FileState.UNRECOGNISED})
"""A version enters the ledger in one of these."""

TRANSITIONS: Mapping[FileState, frozenset[FileState]] = {
    FileState.REGISTERED: frozenset({FileState.LOADING, FileState.FAILED}),
    FileState.LOADING: frozenset({FileState.LOADED, FileState.FAILED, FileState.UNLOADED, FileState.REGISTERED}),
    FileState.LOADED: frozenset({FileState.UNLOADED, FileState.REGISTERED}),
    FileState.FAILED: frozenset({FileState.LOADING, FileState.LOADED, FileState.UNLOADED, FileState.REGISTERED}),
    FileState.UNRECOGNISED: frozenset({FileState.REGISTERED}),
    FileState.UNLOADED: frozenset({FileState.LOADING, FileState.FAILED}),
}
"""Which states may follow a state. Back to `registered`: its rows are removed because its load has to start over. From
`failed` to `loaded`: a replay accepted what made a whole file fail. From `unrecognised`: a contract that
fits it was accepted. A trigger in the tests' databases refuses any other change, see `tests/file_state_guard.py`."""

UNFINISHED_STATES = frozenset({FileState.REGISTERED, FileState.LOADING})
"""There is still something to load, without anybody requesting it."""

FINISHED_STATES = frozenset({FileState.LOADED, FileState.FAILED, FileState.UNLOADED})
"""Nothing happens to the file any more unless it changes or somebody requests it."""

RETRYABLE_STATES = frozenset({FileState.FAILED, FileState.UNLOADED})
"""Can be loaded again on request."""

DISMISSIBLE_STATES = frozenset({FileState.FAILED, FileState.UNRECOGNISED})
"""Ask somebody to act, until the file is loaded, replaced or dismissed. A dismissed file keeps its state."""

ONCE_LOADED_STATES = frozenset({FileState.LOADED, FileState.UNLOADED})
"""Loaded to its end, even if unloaded since."""

DATASET_STATES = tuple(state for state in FileState if state is not FileState.UNRECOGNISED)
"""The states of a file that belongs to a dataset."""


def sql_list(states: Iterable[FileState]) -> str:
    """The states as a list for SQL's `IN`, in the order in which they are declared."""
    wanted = frozenset(states)
    listed = ", ".join(f"'{state}'" for state in FileState if state in wanted)
    return f"({listed})"
