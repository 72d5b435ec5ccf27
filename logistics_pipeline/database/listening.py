"""Sessions of processes that wait for notifications: opened anew when the database was lost, one at work if need be."""

import select
from collections.abc import Callable
from logging import Logger
from threading import Event
from time import sleep

from logistics_pipeline.database.connections import Connection, connect, free_advisory_lock, transient_errors
from logistics_pipeline.errors import TransientError

LOCK_SECONDS = 2.0
"""How often a session that waits for its turn looks whether it has come."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

Work = Callable[[Connection], None]


def work_in_sessions(url: str, application_name: str, work: Work, *, doing: str, stop: Event, log: Logger) -> None:
    """Has `work` done in a session, and again in a new one whenever the database was lost, until `stop` is set.

    Args:
        doing: what it does, for the log.
    """
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        try:
            with connect(url, application_name=application_name) as connection, transient_errors(doing):
                pause = FIRST_PAUSE_SECONDS
                work(connection)
        except TransientError as error:
            log.warning("%s. Trying again in %.1f s.", str(error).strip().rstrip("."), pause)
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def work_in_turn(
    connection: Connection,
    lock: str,
    work: Work,
    *,
    on_wait: Callable[[], None],
    stop: Event,
    frozen_seconds: int | None = None,
) -> None:
    """Has `work` done once no other session holds the lock, which keeps others waiting; or nothing once `stop` is set.

    Args:
        on_wait: called once, if somebody else holds it.
        frozen_seconds: a session at work that is silent for so long loses the lock, and others take over: its process
            is frozen, or asleep. None: it keeps it.
    """
    has_waited = False
    while not stop.is_set():
        with free_advisory_lock(connection, lock) as is_free:
            if is_free:
                if frozen_seconds is not None:
                    for limit in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
                        connection.execute(f"SET {limit} = '{frozen_seconds}s'".encode())
                work(connection)
                return
        if not has_waited:
            on_wait()
            has_waited = True
        stop.wait(LOCK_SECONDS)


def wait_for_notification(connection: Connection, seconds: float, gather_seconds: float = 0.0) -> None:
    """Waits until something arrives, and for what follows within `gather_seconds`; has the handlers called for it."""
    arrived, _, _ = select.select([connection.fileno()], [], [], seconds)
    if arrived:
        sleep(gather_seconds)
        connection.execute("SELECT")  # takes what has arrived out of the socket
