"""How much work is admitted to the database, and for how long."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one pool of connections."""

    connections: int = 8
    waiting: int = 64
    """Requests that may wait for a connection; one more is refused at once."""
    wait_seconds: float = 1.0
    statement_seconds: float = 5.0
