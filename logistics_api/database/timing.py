"""How long the database took for a request: noted by `database`, told by `edge` in Server-Timing."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class DatabaseTime:
    """Time spent in statements, without the wait for a connection."""

    seconds: float = 0.0
    statements: int = 0


of_request: ContextVar[DatabaseTime | None] = ContextVar("database_time", default=None)
"""Of the request that the present task serves; None where nobody asked for it."""
