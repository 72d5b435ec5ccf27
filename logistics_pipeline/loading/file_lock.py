"""One at a time: who holds a file's lock may load it, or write its failed files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from logistics_core.database_contract.locks import load_lock
from logistics_pipeline.database.connections import Connection, advisory_lock, free_advisory_lock


@contextmanager
def only_one(connection: Connection, path: str, on_wait: Callable[[str], None] = lambda path: None) -> Iterator[None]:
    """Keeps others who ask for the same file waiting. The lock goes with the connection, however that ends.

    Calls `on_wait` with the path if it has to wait itself.
    """
    with advisory_lock(connection, load_lock(path), lambda: on_wait(path)):
        yield


@contextmanager
def if_nobody_has(connection: Connection, path: str) -> Iterator[bool]:
    """Takes a file's lock for the block, unless somebody is at work on it: then the block is told False."""
    with free_advisory_lock(connection, load_lock(path)) as is_free:
        yield is_free
