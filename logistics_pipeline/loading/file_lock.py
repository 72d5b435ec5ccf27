"""One process per file: whoever holds a file's lock may load it, unload it or write its failed files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from logistics_core.database_contract.locks import load_lock
from logistics_pipeline.database.connections import Connection, advisory_lock, free_advisory_lock


@contextmanager
def file_lock(connection: Connection, path: str, on_wait: Callable[[str], None] = lambda path: None) -> Iterator[None]:
    """Holds a file's lock during the block; PostgreSQL releases it when the connection ends, however that happens.

    Calls `on_wait` with the path if another process holds the lock.
    """
    with advisory_lock(connection, load_lock(path), lambda: on_wait(path)):
        yield


@contextmanager
def free_file_lock(connection: Connection, path: str) -> Iterator[bool]:
    """Holds a file's lock during the block if nobody else does; yields whether it is held."""
    with free_advisory_lock(connection, load_lock(path)) as is_free:
        yield is_free
