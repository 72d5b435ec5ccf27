"""Loads files through one connection, again and again while the database fails: the entry to the loading core.

Whatever interrupts a load (kill, lost connection, restart), loading the file again resumes after the last committed
batch. Of two loads of the same file, one waits for the other and then finds the work done.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.ledger import KnownProfiles, LedgerFile
from logistics_pipeline.loading.database_retry import Deadline, retry_transient_errors
from logistics_pipeline.loading.file_load import FileLoad, LoadReport, OnProgress, register_file
from logistics_pipeline.loading.file_lock import file_lock
from logistics_pipeline.loading.options import LoadOptions

__all__ = ["LoadReport", "Loader", "OnProgress", "load_file", "load_files"]

T = TypeVar("T")


def load_file(
    url: str,
    found: FoundFile,
    options: LoadOptions,
    *,
    run_id: str | None = None,
    on_progress: OnProgress = lambda records, size: None,
) -> LoadReport:
    """Loads one file through a connection of its own. See `Loader.load`."""
    with Loader(url, options, run_id) as loader:
        return loader.load(found, on_progress)


def load_files(
    url: str, files: Iterable[FoundFile], options: LoadOptions, *, run_id: str | None = None
) -> Iterator[LoadReport]:
    """Loads files one after another through one connection and yields the status of each. See `Loader.load`."""
    with Loader(url, options, run_id) as loader:
        for found in files:
            yield loader.load(found)


class Loader:
    """Loads files through one connection, opened when first needed, and again after it was lost."""

    def __init__(self, url: str, options: LoadOptions, run_id: str | None = None) -> None:
        self._url = url
        self.options = options
        self._run_id = run_id
        self._connection: Connection | None = None
        self._profiles = KnownProfiles()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.disconnect()

    def register(self, files: Iterable[FoundFile]) -> None:
        """Registers files in the order given, before any of them is loaded: that order decides which one wins a key.

        Raises:
            TransientError: the database stayed unavailable.
        """
        for found in files:
            self._retry(
                partial(self._register_once, found), f"registering {found.key}", Deadline(self.options.retry_seconds)
            )

    def _register_once(self, found: FoundFile) -> LedgerFile:
        return register_file(self.connection, found)

    def load(
        self,
        found: FoundFile,
        on_progress: OnProgress = lambda records, size: None,
        *,
        on_request: bool = True,
    ) -> LoadReport:
        """Loads a file to its end, or to the position of its first error, and returns its status.

        An unloaded file is loaded again `on_request` of a person, not if a program merely found it. Transient errors of
        the database are retried until `LoadOptions.retry_seconds` have passed without progress.

        Raises:
            TransientError: the database stayed unavailable; what was committed stays, and the next call resumes there.
        """
        deadline = Deadline(self.options.retry_seconds)

        def on_batch(records: int, size: int) -> None:
            deadline.restart()
            on_progress(records, size)

        return self._retry(partial(self._load_once, found, on_batch, on_request), f"loading {found.key}", deadline)

    def _load_once(self, found: FoundFile, on_batch: OnProgress, on_request: bool) -> LoadReport:
        with file_lock(self.connection, found.key):
            load = FileLoad(self.connection, self.options, self._run_id, on_batch, self._profiles)
            return load.run(found, on_request=on_request)

    def _retry(self, work: Callable[[], T], doing: str, deadline: Deadline) -> T:
        """Repeats work; after a failure with a new connection, as the state of the old one is unknown."""

        def attempt() -> T:
            try:
                return work()
            except BaseException:
                self.disconnect()
                raise

        return retry_transient_errors(attempt, doing, deadline)

    @property
    def connection(self) -> Connection:
        """The connection used for loading, also for statements that accompany a load; opened if there is none.

        Raises:
            TransientError: the server cannot be reached now.
        """
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, application_name="logistics load")
            # A crash may undo the last commits, which are loaded again; finishing a file does wait for the disk.
            self._connection.execute("SET synchronous_commit = off")
        return self._connection

    def disconnect(self) -> None:
        """Gives the connection up: the next file gets a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
