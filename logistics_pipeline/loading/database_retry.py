"""Repeats database work while it fails with transient errors: the one retry rule of loads, replays and unloads.

Gives up once nothing has succeeded for a given time. Work that reports progress restarts that time, so a load may take
hours and still survive every restart of the server.
"""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from logistics_pipeline.database.connections import transient_errors
from logistics_pipeline.errors import TransientError

T = TypeVar("T")

_FIRST_WAIT_SECONDS = 0.2
_MAX_WAIT_SECONDS = 5


class Deadline:
    """Expires when no progress was reported for a number of seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Reports progress."""
        self._last_progress_at = monotonic()

    def is_over(self, _: RetryCallState) -> bool:
        """Whether to give up; the signature is that of tenacity's `stop`."""
        return monotonic() - self._last_progress_at > self._seconds


def retry_transient_errors(work: Callable[[], T], doing: str, deadline: Deadline) -> T:
    """Calls `work` until it succeeds, fails with another error, or the deadline expires; returns its result.

    `doing` completes the sentence "PostgreSQL failed while ...".

    Raises:
        TransientError: the last failure before the deadline expired.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=deadline.is_over,
        wait=wait_exponential_jitter(multiplier=_FIRST_WAIT_SECONDS, max=_MAX_WAIT_SECONDS),
        reraise=True,
    ):
        with attempt, transient_errors(doing):
            return work()
    raise AssertionError("tenacity either returns or raises")
