"""Sends what is due: claims messages with a lease, sends them with a pool of threads, records every attempt.

Several processes may do so at once. What a killed one had claimed is sent again when its lease ends, with the same IDs:
at least once, and receivers can drop the second copy.
"""

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from logistics_core.database_contract.notifications import AttemptOutcome, MessageState
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.notifying import outbox
from logistics_pipeline.notifying.channels.sending import LONGEST_SECONDS, Channels
from logistics_pipeline.notifying.endpoint_health import note_results
from logistics_pipeline.notifying.local_times import quiet_end
from logistics_pipeline.notifying.outbox import Result
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from logistics_pipeline.notifying.retry_schedule import pause_after

THREADS = 16
_MOST_AT_ONCE = 4 * THREADS
_CLAIMING_SECONDS = 10.0
"""A run begins nothing new after this; what is under way then is taken up by the next one."""
_LOOK_SECONDS = 0.1
"""How often a run looks for new messages while others are under way."""

logger = logging.getLogger("logistics.notifications")


@dataclass(frozen=True)
class _Sent:
    message: Outgoing
    outcome: Outcome | None
    """None: there was no time for an attempt."""
    seconds: float


@dataclass
class Delivery:
    """The sender of a process. One thread uses it; `close` ends it."""

    url: str
    settings: Settings
    channels: Channels = field(default_factory=Channels)
    lease_seconds: float = outbox.LEASE_SECONDS
    _pool: ThreadPoolExecutor = field(init=False)
    _connection: Connection | None = None
    _lease: UUID = field(default_factory=uuid4)
    _running: set["Future[_Sent]"] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="notifications")

    def __enter__(self) -> "Delivery":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run_due(self) -> int:
        """Sends what is due, and what becomes due meanwhile, for some seconds. Returns how many it attempted.

        What hangs does not hold up the rest: it is recorded in a later run.

        Raises:
            TransientError: the database cannot be reached; what was under way is sent again when its lease ends.
        """
        with self._lock, transient_errors("sending notifications"):
            began, attempted = monotonic(), 0
            while True:
                is_over = monotonic() - began > _CLAIMING_SECONDS
                if not is_over:
                    self._begin()
                if not self._running:
                    return attempted
                done, _ = wait(self._running, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                attempted += self._record(done)
                if is_over:
                    return attempted

    def next_due(self) -> datetime | None:
        """When there is something to do; None: nothing waits."""
        if self._running:
            return datetime.now(UTC)
        with self._lock, transient_errors("looking for notifications"):
            return outbox.next_due(self._opened())

    def close(self) -> None:
        """Waits for what is under way, at most as long as an attempt may take, and records it."""
        with self._lock:
            try:
                if self._running:
                    done, _ = wait(self._running, timeout=LONGEST_SECONDS)
                    with transient_errors("recording notifications"):
                        self._record(done)
            finally:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self.channels.close()
                if self._connection is not None:
                    self._connection.close()

    def _opened(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.url, application_name="logistics notifications")
        return self._connection

    def _begin(self) -> None:
        """Claims messages while fewer than half are under way: each claim costs the database some milliseconds."""
        if len(self._running) > _MOST_AT_ONCE // 2:
            return
        ends_at = monotonic() + self.lease_seconds
        most, groups = _MOST_AT_ONCE - len(self._running), self.settings.reading_groups
        claimed = outbox.claim(self._opened(), self._lease, most, self.lease_seconds, groups)
        for message in claimed:
            self._running.add(self._pool.submit(_attempt, self.channels.send, message, ends_at))

    def _record(self, done: set["Future[_Sent]"]) -> int:
        if not done:
            return 0
        self._running -= done
        sent = [each.result() for each in done]
        results = [_result(each.message, each.outcome, each.seconds) for each in sent if each.outcome is not None]
        connection = self._opened()
        with connection.transaction():
            outbox.release(connection, self._lease, [each.message.message_id for each in sent if each.outcome is None])
            if results:
                outbox.record(connection, self._lease, results)
                note_results(connection, results)
        return len(results)


def _attempt(send: Callable[[Outgoing], Outcome], message: Outgoing, lease_ends_at: float) -> _Sent:
    """An attempt, if it is over before the lease ends: otherwise another sender might begin one beside it."""
    began = monotonic()
    if began + LONGEST_SECONDS > lease_ends_at:
        return _Sent(message, None, 0.0)
    outcome = send(message)
    return _Sent(message, outcome, monotonic() - began)


def _result(message: Outgoing, outcome: Outcome, seconds: float) -> Result:
    """What becomes of a message."""
    if outcome.outcome is not AttemptOutcome.PASSING:
        return Result(message, outcome, seconds, outbox.STATES_AFTER[outcome.outcome])
    pause = pause_after(message.tries, outcome.wanted_seconds)
    if pause is None:
        return Result(message, outcome, seconds, MessageState.DEAD)
    return Result(message, outcome, seconds, MessageState.WAITING, _after_quiet(message, pause.total_seconds()))


def _after_quiet(message: Outgoing, pause: float) -> float:
    """The pause, and until the end of quiet hours if it would end in them."""
    if message.quiet is None or message.is_urgent:
        return pause
    try:
        now = datetime.now(UTC)
        end = quiet_end(
            message.quiet, datetime.fromtimestamp(now.timestamp() + pause, UTC), ZoneInfo(message.time_zone)
        )
        return pause if end is None else (end - now).total_seconds()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return pause
