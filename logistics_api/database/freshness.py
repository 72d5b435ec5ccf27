"""The known state of the database: whether it is reachable, and which figures it has published.

`watcher` keeps it up to date. It has plain attributes because the cache reads it on every request.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic

from logistics_api.database.replication import REPLAY_SECONDS, Replication

AVAILABILITY_EVENT = "database"
"""Name of the event that reports `Freshness.availability`."""

SEEK_SECONDS = 0.01
"""Interval between looks at the database while somebody waits for what it has not got yet."""


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
        self.replication = Replication()
        self.looks: list[Callable[[], None]] = []
        """Called to have the database looked at now: by whoever watches it."""
        self._looked_at = -inf

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

    async def until(self, is_reached: Callable[[], bool], seconds: float = REPLAY_SECONDS) -> bool:
        """Has the database looked at until it is in a state, for so long at most; returns whether it is."""
        deadline = monotonic() + seconds
        while not is_reached():
            if monotonic() >= deadline:
                return False
            for look in self.looks:
                look()
            await asyncio.sleep(SEEK_SECONDS)
        return True

    async def replays(self, position: int, seconds: float = REPLAY_SECONDS) -> bool:
        """Waits until what was committed before a position of the primary's log is seen; returns whether it is."""
        return await self.until(lambda: self.replication.has_replayed(position), seconds)

    async def reaches(self, data_version: int) -> bool:
        """Waits until the figures have at least this version, or it is certain that there are no newer ones.

        The latter happens after a restore, or a failover to a replica that had not received the last refresh. Returns
        whether either is so.
        """
        if self._has(data_version):
            return True
        asked_at = monotonic()
        return await self.until(lambda: self._has(data_version) or self._is_newest_since(asked_at))

    async def has_nothing_newer_than(self, data_version: int) -> bool:
        """Whether figures of this version are certainly the newest there are."""
        asked_at = monotonic()
        is_known = self.reachable and await self.until(lambda: self._is_newest_since(asked_at))
        return is_known and not self._has(data_version + 1)

    def _has(self, data_version: int) -> bool:
        return self.published is not None and self.published.data_version >= data_version

    def _is_newest_since(self, moment: float) -> bool:
        """Whether nothing newer was published before the moment."""
        if self.replication.is_replica:
            return self.replication.has_caught_up_since(moment)
        return self._looked_at >= moment

    def confirm(self, found: Published | None, *, looked_at: float = -inf, replayed: int | None = None) -> bool:
        """Records the state read from the database. Returns whether it has changed.

        `looked_at`: when that began (monotonic). `replayed`: how far a replica was before `found` was read.
        """
        self.confirmed_at = monotonic()
        self._looked_at = looked_at
        self.replication.note_replayed(replayed)
        if found == self.published:
            return False
        self.published = found
        return True
