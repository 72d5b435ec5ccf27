"""News for everybody who listens: that there are newer figures, and how the load of a file comes along.

`database` publishes what PostgreSQL notifies; `live` sends it to clients. Nothing is remembered: who comes later asks
for the present state.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

QUEUE_LENGTH: Final = 256
"""News that wait for one subscriber: some seconds of the liveliest load. One that is slower is let go."""

MOST_SUBSCRIBERS: Final = 200

News = tuple[str, str]
"""Name of the event, data."""


class Events:
    """Hands each piece of news to every subscriber. Memory is bounded: subscribers (see `is_full`) x queue."""

    def __init__(self, *, most_subscribers: int = MOST_SUBSCRIBERS, queue_length: int = QUEUE_LENGTH) -> None:
        self._most = most_subscribers
        self._length = queue_length
        self._subscribers: set[Subscriber] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def is_full(self) -> bool:
        """Whether there are as many subscribers as this process carries: a new one is to be refused."""
        return len(self) >= self._most

    def publish(self, event: str, data: str) -> None:
        """Tells all subscribers; never waits for one."""
        for subscriber in list(self._subscribers):
            subscriber.put((event, data))

    async def subscribe(self) -> AsyncIterator[News]:
        """The news from now on, until the process shuts down or this subscriber is too slow."""
        with self.subscriber() as subscriber:
            while (news := await subscriber.next()) is not None:
                yield news

    @contextmanager
    def subscriber(self) -> Iterator["Subscriber"]:
        """A subscriber to be asked for its news one by one."""
        subscriber = Subscriber(self._length)
        if self._is_closed:
            subscriber.close()
        self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    def open(self) -> None:
        self._is_closed = False

    def close(self) -> None:
        """Ends all streams, and those that begin from now on: the process is shutting down."""
        self._is_closed = True
        for subscriber in list(self._subscribers):
            subscriber.close()


class Subscriber:
    """The news that wait for one client."""

    def __init__(self, length: int) -> None:
        self._news: deque[News] = deque()
        self._length = length
        self._wake = asyncio.Event()
        self._is_over = False

    def put(self, news: News) -> None:
        """Adds news. Where too much waits already, the stream is over: its client comes back and starts afresh."""
        if len(self._news) >= self._length:
            self._is_over = True
            self._news.clear()
        elif not self._is_over:
            self._news.append(news)
        self._wake.set()

    def close(self) -> None:
        self._is_over = True
        self._wake.set()

    async def next(self) -> News | None:
        """Waits for news; None where there will be no more."""
        while not self._news:
            if self._is_over:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._news.popleft()
