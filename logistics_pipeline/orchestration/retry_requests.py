"""Requests that Dagster load files again: those that failed or were unloaded, or that have rows to bring back.

The request is a mark in the ledger. Dagster's file sensor finds it at its next evaluation and requests a run of exactly
those partitions; the load removes the mark when it begins. So a request needs nothing but the database, works from any
machine, survives restarts of Dagster, and counts once however often it is made.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import path_of
from logistics_pipeline.files.places import is_url
from logistics_pipeline.ledger import LedgerFile


class Outcome(StrEnum):
    """What became of a request."""

    REQUESTED = "requested"
    UNDER_WAY = "under way"
    """It is being loaded, or will be: it was new, was interrupted, or was requested before."""
    LOADED = "loaded"
    """It is loaded and has nothing to bring back."""
    UNKNOWN = "unknown"
    ELSEWHERE = "elsewhere"
    """The command line loaded it from outside the raw folder, which Dagster does not watch."""
    MISSING = "missing"
    """It is in the ledger, and no longer in the raw folder."""
    UNRECOGNISED = "unrecognised"


REFUSED = frozenset({Outcome.UNKNOWN, Outcome.ELSEWHERE, Outcome.MISSING, Outcome.UNRECOGNISED})
"""Requests that have no effect."""


@dataclass(frozen=True)
class RetryRequest:
    """A file whose load was requested, and what became of the request."""

    path: str
    outcome: Outcome
    file: LedgerFile | None
    """The newest version in the ledger."""


def request_retries(connection: Connection, paths: Iterable[str], settings: Settings) -> Iterator[RetryRequest]:
    """Requests a load of each file, given by its path in the ledger; yields what became of each request."""
    for path in paths:
        file = ledger.latest_file(connection, path)
        yield RetryRequest(path, _request(connection, file, settings), file)


def _request(connection: Connection, file: LedgerFile | None, settings: Settings) -> Outcome:
    if file is None:
        return Outcome.UNKNOWN
    if file.dataset is None:
        return Outcome.UNRECOGNISED
    if file.path.startswith("/"):
        return Outcome.ELSEWHERE
    if not is_url(file.path) and not path_of(file.path, settings.raw_dir).is_file():
        return Outcome.MISSING
    if file.retry_requested_at is not None:
        return Outcome.UNDER_WAY
    if ledger.request_retry(connection, file.file_id):
        return Outcome.REQUESTED
    now = ledger.file_by_id(connection, file.file_id)  # it may have changed just now
    return Outcome.LOADED if now.state is FileState.LOADED else Outcome.UNDER_WAY


def failed_paths(connection: Connection, dataset: str | None = None) -> list[str]:
    """Paths of the files whose newest version has failed, in the order of registration, of one dataset if given."""
    return [
        file.path
        for file in ledger.latest_files(connection).values()
        if file.state is FileState.FAILED and file.dismissed_at is None and dataset in (None, file.dataset)
    ]


def wait_for_results(
    connection: Connection, paths: Iterable[str], on_wait: Callable[[float], None], pause_seconds: float = 0.5
) -> Iterator[LedgerFile]:
    """Yields the status of each file when its load has ended, in the order in which they end.

    Between two queries it calls `on_wait` with the seconds since the last load ended.
    """
    waiting, since = list(dict.fromkeys(paths)), time.monotonic()
    while waiting:
        known = ledger.latest_files(connection)
        ended = [path for path in waiting if _has_ended(known[path])]
        yield from (known[path] for path in ended)
        waiting = [path for path in waiting if path not in ended]
        if ended:
            since = time.monotonic()
        elif waiting:
            on_wait(time.monotonic() - since)
            time.sleep(pause_seconds)


def _has_ended(file: LedgerFile) -> bool:
    return file.retry_requested_at is None and file.state not in UNFINISHED_STATES
