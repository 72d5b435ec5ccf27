"""The time that a request spends in the database: recorded here, reported in Server-Timing."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class DatabaseTime:
    """Time spent in statements, excluding the wait for a connection."""

    seconds: float = 0.0
    statements: int = 0


of_request: ContextVar[DatabaseTime | None] = ContextVar("database_time", default=None)
"""The time of the request that the current task is serving; None outside of requests."""


def add_statement(seconds: float) -> None:
    """Records a statement of the current request."""
    spent = of_request.get()
    if spent is not None:
        spent.seconds += seconds
        spent.statements += 1
