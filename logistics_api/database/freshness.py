"""What is known about the database now: whether it can be reached, and which figures it has published.

`watcher` keeps it up to date; the cache reads it on every request, so it is plain attributes.
"""

from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Published:
    """The figures of one refresh. The time tells two refreshes apart that got one number, as after a restore."""

    data_version: int
    calculated_at: float | None
    """Seconds since 1970."""


class Freshness:
    """The current state; one object per database."""

    def __init__(self) -> None:
        self.published: Published | None = None
        """None if nothing is known yet. Until something changes, it is the same object."""
        self.reachable = False
        self.confirmed_at = monotonic()
        """When `published` was last seen to be the newest (monotonic)."""

    def confirm(self, found: Published | None) -> bool:
        """Records what the database says now. Returns whether that is new."""
        self.confirmed_at = monotonic()
        if found == self.published:
            return False
        self.published = found
        return True
