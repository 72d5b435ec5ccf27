"""What follows a server for as long as a process runs, in a task of its own."""

import asyncio
from abc import ABC, abstractmethod

from logistics_api.database.freshness import Freshness


class Follower(ABC):
    """A task that is woken whenever somebody waits for news of the database (`Freshness.looks`)."""

    def __init__(self, freshness: Freshness) -> None:
        self._freshness = freshness

    def _begin(self) -> None:
        self._arrived = asyncio.Event()  # belongs to one event loop, so every start makes its own
        self._freshness.looks.append(self._arrived.set)
        self._task = asyncio.create_task(self._run())

    async def _end(self) -> None:
        self._freshness.looks.remove(self._arrived.set)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def _run(self) -> None:
        """Follows the server; never returns."""
