"""One at a time: who holds a file's lock may load it, or write its failed files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from logistics_pipeline.database import Connection


@contextmanager
def only_one(connection: Connection, path: str, on_wait: Callable[[str], None] = lambda path: None) -> Iterator[None]:
    """Keeps others who ask for the same file waiting. The lock goes with the connection, however that ends.

    Calls `on_wait` with the path if it has to wait itself.
    """
    key = (f"logistics load {path}",)
    if connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key).fetchone() != (True,):
        on_wait(path)
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", key)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)
