"""The known state of the database: whether it is reachable, and which figures it has published.

`watcher` keeps it up to date. It has plain attributes because the cache reads it on every request.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

AVAILABILITY_EVENT = "database"
"""Name of the event that reports `Freshness.availability`."""


@dataclass(frozen=True)
class Published:
    """The figures of one refresh. The time distinguishes refreshes with the same number, such as after a restore."""

    data_version: int
    calculated_at: float | None
    """Seconds since 1970."""
    forecasts: int | None = None
    """The newest fit of forecasts, which follows a refresh some time later; None if there is none."""

    def has_figures_of(self, other: "Published | None") -> bool:
        """Whether the figures are the same; forecasts may differ."""
        return other is not None and (self.data_version, self.calculated_at) == (
            other.data_version,
            other.calculated_at,
        )


class Freshness:
    """The current state; one object per database."""

    def __init__(self) -> None:
        self.published: Published | None = None
        """None if nothing is known yet. Stays the same object until something changes."""
        self.reachable = False
        self.reconnecting: asyncio.Event | None = None
        """Set once it is known whether a lost connection can be opened again; None if that is known."""
        self.confirmed_at = monotonic()
        """When `published` was last confirmed to be the newest (monotonic)."""

    @property
    def availability(self) -> str:
        """`available` or `unavailable`."""
        return "available" if self.reachable else "unavailable"

    async def becomes_reachable(self, seconds: float) -> bool:
        """Waits for the first attempt to reconnect, if one is under way; returns whether the database is reachable."""
        if not self.reachable and self.reconnecting is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.reconnecting.wait()
        return self.reachable

    def confirm(self, found: Published | None) -> bool:
        """Records the state read from the database. Returns whether it has changed."""
        self.confirmed_at = monotonic()
        if found == self.published:
            return False
        self.published = found
        return True
