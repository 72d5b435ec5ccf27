"""Asks Dagster to load files again: those that failed or were unloaded, or that have rows to bring back.

The request is a mark in the ledger. Dagster's file sensor finds it at its next look and requests a run of exactly those
partitions; the load that begins takes it away. So it needs nothing but the database, works from any machine, survives
restarts of Dagster, and is made once however often it is asked for.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from logistics_core.database_contract.file_states import UNFINISHED_STATES, FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.sources.folder import path_of


class Answer(StrEnum):
    """What became of a request."""

    REQUESTED = "requested"
    UNDER_WAY = "under way"
    """It is being loaded, or will be: it was new, was interrupted, or was asked for before."""
    LOADED = "loaded"
    """It is loaded and has nothing to bring back."""
    UNKNOWN = "unknown"
    ELSEWHERE = "elsewhere"
    """It was loaded by the command line from outside the raw folder, where Dagster does not look."""
    MISSING = "missing"
    """The ledger knows it; the raw folder does not have it any more."""
    UNRECOGNISED = "unrecognised"


REFUSED = frozenset({Answer.UNKNOWN, Answer.ELSEWHERE, Answer.MISSING, Answer.UNRECOGNISED})
"""Nothing will come of these."""


@dataclass(frozen=True)
class Request:
    """A file that somebody asked for, and what became of the request."""

    path: str
    answer: Answer
    file: LedgerFile | None
    """The newest version in the ledger."""


def request_retries(connection: Connection, paths: Iterable[str], settings: Settings) -> Iterator[Request]:
    """Asks for a load of each file by its path in the ledger; yields what became of it."""
    for path in paths:
        file = ledger.latest_file(connection, path)
        yield Request(path, _request(connection, file, settings), file)


def _request(connection: Connection, file: LedgerFile | None, settings: Settings) -> Answer:
    if file is None:
        return Answer.UNKNOWN
    if file.dataset is None:
        return Answer.UNRECOGNISED
    if file.path.startswith("/"):
        return Answer.ELSEWHERE
    if not path_of(file.path, settings.raw_dir).is_file():
        return Answer.MISSING
    if file.retry_requested_at is not None:
        return Answer.UNDER_WAY
    if ledger.request_retry(connection, file.file_id):
        return Answer.REQUESTED
    now = ledger.file_by_id(connection, file.file_id)  # it may have changed in this moment
    return Answer.LOADED if now.state is FileState.LOADED else Answer.UNDER_WAY


def failed_paths(connection: Connection, dataset: str | None = None) -> list[str]:
    """Paths of the files whose newest version has failed, in the order of registration, of one dataset if given."""
    return [
        file.path
        for file in ledger.latest_files(connection).values()
        if file.state is FileState.FAILED and dataset in (None, file.dataset)
    ]


def wait_for_results(
    connection: Connection, paths: Iterable[str], on_wait: Callable[[float], None], pause_seconds: float = 0.5
) -> Iterator[LedgerFile]:
    """Yields the account of each file as its load comes to an end, whichever is first.

    Between two looks it calls `on_wait` with the seconds since a file ended last.
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
