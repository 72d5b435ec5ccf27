"""How much concurrent work the database receives, and for how long it may run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a connection pool."""

    connections: int = 8
    waiting: int = 64
    """Maximum number of requests waiting for a connection; any more are rejected immediately."""
    wait_seconds: float = 1.0
    statement_seconds: float = 5.0
