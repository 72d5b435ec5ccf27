"""Distributes events to all subscribers: new figures, and the progress of loads.

The database watcher publishes PostgreSQL's notifications; `endpoints` sends it to clients. Nothing is stored: a client
that connects later requests the current state.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

QUEUE_LENGTH: Final = 256
"""Maximum events queued for one subscriber: some seconds of the busiest load. Slower ones are disconnected."""

MOST_SUBSCRIBERS: Final = 200

DATASETS_EVENT: Final = "datasets"
"""Name of the event that says that this process serves other datasets now."""

Event = tuple[str, str]
"""Name, data."""


class Events:
    """Sends each event to every subscriber. Memory is bounded: subscribers (see `is_full`) x queue."""

    def __init__(self, *, most_subscribers: int = MOST_SUBSCRIBERS, queue_length: int = QUEUE_LENGTH) -> None:
        self._most = most_subscribers
        self._length = queue_length
        self._subscribers: set[Subscriber] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of subscribers is reached; new ones must be rejected."""
        return len(self) >= self._most

    def publish(self, event: str, data: str) -> None:
        """Sends an event to all subscribers; never waits for one."""
        for subscriber in list(self._subscribers):
            subscriber.put((event, data))

    async def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on, until the process shuts down or this subscriber is too slow."""
        with self.subscriber() as subscriber:
            while (event := await subscriber.next()) is not None:
                yield event

    @contextmanager
    def subscriber(self) -> Iterator["Subscriber"]:
        """A subscriber whose events are read one by one."""
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
        """Ends all current and future streams, because the process is shutting down."""
        self._is_closed = True
        for subscriber in list(self._subscribers):
            subscriber.close()


class Subscriber:
    """The queue of events for one client."""

    def __init__(self, length: int) -> None:
        self._events: deque[Event] = deque()
        self._length = length
        self._wake = asyncio.Event()
        self._is_over = False

    def put(self, event: Event) -> None:
        """Queues an event. If the queue is full, ends the stream: the client reconnects and starts over."""
        if len(self._events) >= self._length:
            self._is_over = True
            self._events.clear()
        elif not self._is_over:
            self._events.append(event)
        self._wake.set()

    def close(self) -> None:
        self._is_over = True
        self._wake.set()

    async def next(self) -> Event | None:
        """Waits for an event; returns None when the stream has ended."""
        while not self._events:
            if self._is_over:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()
