"""What is known about the database at this moment: whether it answers, and which figures it has published.

`database` keeps it up to date; `edge` asks it on every request, so it is plain attributes.
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
    """The newest knowledge; one object per `Database`."""

    def __init__(self) -> None:
        self.published: Published | None = None
        """None where nothing is known yet. As long as nothing changes, it is the same object."""
        self.reachable = False
        self.confirmed_at = monotonic()
        """When `published` was last seen to be the newest (monotonic)."""

    def confirm(self, found: Published | None) -> bool:
        """Takes in what the database says now. Returns whether that is news."""
        self.confirmed_at = monotonic()
        if found == self.published:
            return False
        self.published = found
        return True
