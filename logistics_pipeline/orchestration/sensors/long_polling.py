"""How long an evaluation of a sensor waits for something to do.

Dagster evaluates a sensor every five seconds at most. One that waits for news within its evaluation reacts at once, for
the price of the same evaluations.
"""

import time
from dataclasses import dataclass

DAEMON_SECONDS = 5
"""Dagster's daemon looks for due sensors this often; one that is a millisecond early waits for the next look."""
_MARGIN_SECONDS = 1.5
"""An evaluation begins some tenths after Dagster's look, and is written down after it: it must end before a later look,
which else passes it over."""
_LONGEST_SECONDS = 20.0
"""Dagster gives up an evaluation after 60 seconds."""


def minimum_interval(interval_seconds: int) -> int:
    """What to declare as the interval of a sensor so that Dagster keeps it."""
    return max(1, interval_seconds - 1)


def waiting_seconds(interval_seconds: int) -> float:
    """How long an evaluation may wait, for a sensor of this interval: through one look of Dagster's at least."""
    return min(max(interval_seconds, 2 * DAEMON_SECONDS) - _MARGIN_SECONDS, _LONGEST_SECONDS)


@dataclass(frozen=True)
class Patience:
    """How long an evaluation that has begun may still wait."""

    end: float
    """By the monotonic clock."""

    @classmethod
    def of(cls, seconds: float) -> "Patience":
        """Patience that begins now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """In seconds; 0 once there is none left."""
        return max(0.0, self.end - time.monotonic())
