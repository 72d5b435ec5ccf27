"""Names of the advisory locks, and how to see whether one is held.

A lock is a text hashed to 64 bits. PostgreSQL releases it when the session that holds it ends, however that happens: so
a held lock says that somebody is working now, which a row in a table could only claim.
"""

REFRESH_LOCK = "logistics refresh"
"""Held by the refresh of the analytics that is running."""
COMMITS_LOCK = "logistics commits on all nodes"
"""Held on a cluster, shared, by transactions that commit changes of distributed rows; alone, by whoever reads these."""
MIGRATION_LOCK = "logistics migrate"
HOUSEKEEPING_LOCK = "logistics housekeeping"
CONTRACTS_LOCK = "logistics contracts"
"""Held by the transaction that changes which datasets there are."""
CONTRACT_WATCH_LOCK = "logistics contracts watch"
"""Held by the process that watches the contracts of this database, see `logistics contracts watch`."""

ALERTS_LOCK = "logistics alerts"
"""Held by the worker that evaluates the alerts of this database."""
REPORTS_LOCK = "logistics reports"
"""Held by the worker that makes the reports of this database."""
BOUNCES_LOCK = "logistics bounces"
"""Held by whoever reads the mailbox for bounces."""
ARCHIVE_LOCK = "logistics archive"
"""Held, shared, by whoever pulls; alone, by whoever deletes pages that no pull has any more."""

_ARRAYS_PREFIX = "logistics arrays of "
_FORECAST_PREFIX = "logistics forecast "
_LOAD_PREFIX = "logistics load "
_MODEL_PREFIX = "logistics model "
_PULL_PREFIX = "logistics pull "


def load_lock(path: str) -> str:
    """Held by whoever loads a file, unloads it or writes its failed files; `path` as in `ingest.files`."""
    return f"{_LOAD_PREFIX}{path}"


def pull_lock(source: str, resource: str) -> str:
    """Held by whoever pulls a resource of a source."""
    return f"{_PULL_PREFIX}{source}.{resource}"


def forecast_lock(dataset: str) -> str:
    """Held by whoever makes the forecasts of a dataset."""
    return f"{_FORECAST_PREFIX}{dataset}"


def model_lock(model: str) -> str:
    """Held by whoever trains or uses a model."""
    return f"{_MODEL_PREFIX}{model}"


def arrays_lock(dataset: str) -> str:
    """Held by whoever proposes datasets for the arrays within the records of one."""
    return f"{_ARRAYS_PREFIX}{dataset}"


def bulk_load_lock(table: str) -> str:
    """Held, shared, by bulk loads that have dropped the secondary indexes of a table."""
    return f"logistics bulk load {table}"


def build_indexes_lock(table: str) -> str:
    """Held by whoever builds the secondary indexes of a table again."""
    return f"logistics build indexes {table}"


def lock_key(name: str) -> str:
    """The SQL expression of a lock's number; `name` is an SQL expression as well."""
    return f"hashtextextended({name}, 0)"


def registration_lock_key(path: str) -> str:
    """The same for the lock that registers one file at a time; another seed keeps it apart from all other locks."""
    return f"hashtextextended({path}, 1)"


def _is_held(name: str) -> str:
    # pg_locks shows a 64-bit key in two halves, with objsubid 1.
    return f"""
EXISTS (
    SELECT FROM pg_locks, {lock_key(name)} AS key
    WHERE locktype = 'advisory'
        AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = ((key >> 32) & 4294967295)::oid
        AND objid = (key & 4294967295)::oid
        AND objsubid = 1
)
"""


IS_REFRESH_RUNNING = _is_held(f"'{REFRESH_LOCK}'")
"""SQL condition: a refresh of the analytics is running now."""

ARE_CONTRACTS_WATCHED = _is_held(f"'{CONTRACT_WATCH_LOCK}'")
"""SQL condition: a process watches the contracts of this database now."""

ARE_ALERTS_EVALUATED = _is_held(f"'{ALERTS_LOCK}'")
"""SQL condition: a worker evaluates the alerts of this database now."""

IS_BEING_PULLED = _is_held(f"'{_PULL_PREFIX}' || pull.source || '.' || pull.resource")
"""SQL condition about a row `pull` of `source.pulls`: somebody pulls its resource now. A state `running` alone does not
say so: it remains after its process was killed, until the next run goes on with the pull."""

IS_BEING_LOADED = _is_held(f"'{_LOAD_PREFIX}' || files.path")
"""SQL condition about a row of `ingest.files`: somebody holds its lock. Its state alone does not say so: it remains
`loading` after the loader was killed, until somebody corrects it."""
