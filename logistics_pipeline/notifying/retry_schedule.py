"""When a message is sent again that could not be sent: over three days, as Standard Webhooks proposes."""

import random
from datetime import timedelta

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""After each failed attempt; after the last one the message is dead."""
ATTEMPTS = len(PAUSES) + 1
_JITTER = 0.2
_SHORTEST = timedelta(seconds=1)
_LONGEST_WANTED = timedelta(days=1)
"""A receiver that wants to be left alone for longer is asked again after that."""


def pause_after(
    tries: int, wanted_seconds: float | None = None, chance: random.Random | None = None
) -> timedelta | None:
    """How long a message waits after `tries` failed attempts; None if that was the last one.

    What the receiver wants (`Retry-After`) takes the place of the pause of the schedule. A random part is added to
    both, so that messages that failed together do not come back together.
    """
    if tries >= ATTEMPTS:
        return None
    pause = PAUSES[max(tries, 1) - 1]
    if wanted_seconds is not None:
        pause = min(max(timedelta(seconds=wanted_seconds), _SHORTEST), _LONGEST_WANTED)
    return pause * (1 + _JITTER * (chance or random).random())
