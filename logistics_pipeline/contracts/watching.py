"""Watches contracts: the folder that people edit, what they ask for, and files that belong to no dataset.

What is found is done by others: `requests` serves, `folder` syncs, `new_files` proposes. Whenever other datasets or
versions are in force, Dagster loads its definitions anew (`code_location`). There is one watch per database; a second
one waits, to take over. Further folders of definitions can be watched along with the contracts (`Followed`).
"""

from collections.abc import Callable, Hashable, Sequence
from logging import Logger
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import Protocol

from psycopg import Notify

from logistics_core.database_contract.channels import Channel
from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.locks import CONTRACT_WATCH_LOCK
from logistics_core.settings import Settings
from logistics_pipeline.contracts.folder import SyncReport, sync_folder
from logistics_pipeline.contracts.new_files import CREATED_BY, NewFiles
from logistics_pipeline.contracts.proposals import datasets_with_arrays
from logistics_pipeline.contracts.proposing import propose_nested_datasets
from logistics_pipeline.contracts.requests import serve_next_request
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.listening import wait_for_notification, work_in_sessions, work_in_turn
from logistics_pipeline.files.definition_files import FolderState, folder_state

LOOK_SECONDS = 2.0
"""How often the folder is looked at."""
STEADY_SECONDS = 0.3
"""A folder in which nothing changes for so long is not being written."""
POLL_SECONDS = 10.0
"""How often everything is looked at that should have been notified: a notification can be lost."""

InForce = frozenset[tuple[str, int, bool]]


class Followed(Protocol):
    """Another folder of YAML files that Dagster's definitions depend on."""

    @property
    def folder(self) -> Path:
        """Where the files are; it need not exist."""

    def sync(self, connection: Connection) -> SyncReport:
        """Takes what the folder holds into the database."""

    def in_force(self, connection: Connection) -> Hashable:
        """Changes whenever Dagster has to load its definitions anew; false as long as there is nothing to load."""


def watch_contracts(
    settings: Settings,
    url: str,
    request_reload: Callable[[], None],
    log: Logger,
    followed: Sequence[Followed] = (),
) -> None:
    """Watches until it is interrupted. Outlives restarts of the database."""
    watch = Watch(settings, request_reload, log, followed)
    stop = Event()  # never set: an interruption ends it

    def say_so() -> None:
        log.info("Contracts of this database are watched by another process: waiting for it to end.")

    def watch_in_turn(connection: Connection) -> None:
        work_in_turn(connection, CONTRACT_WATCH_LOCK, watch.run, on_wait=say_so, stop=stop)

    work_in_sessions(url, "logistics contracts watch", watch_in_turn, doing="watching contracts", stop=stop, log=log)


class Watch:
    """What was seen and said so far; it outlives the connection."""

    def __init__(
        self, settings: Settings, request_reload: Callable[[], None], log: Logger, followed: Sequence[Followed] = ()
    ) -> None:
        self._settings = settings
        self._request_reload = request_reload
        self._log = log
        self._followed = followed
        self._new_files = NewFiles(settings)
        self._with_arrays: set[str] = set()
        """Datasets whose arrays were looked at."""
        self._folder_states: dict[Path, FolderState] = {}
        self._in_force: list[Hashable] | None = None
        self._problems: frozenset[str] = frozenset()
        self._polled_at = -POLL_SECONDS
        self._is_told = True

    def run(self, connection: Connection) -> None:
        """Takes one turn after another until the connection is lost."""
        self._log.info("Watching contracts.")
        connection.add_notify_handler(self._hear)
        for channel in (Channel.CONTRACTS, Channel.FILES):
            connection.execute(f"LISTEN {channel}".encode())
        self._is_told = True
        while True:
            self.turn(connection)
            if not self._is_told:
                wait_for_notification(connection, LOOK_SECONDS)

    def _hear(self, notification: Notify) -> None:
        """Notes what concerns contracts; the channel of files also reports the progress of every load."""
        if notification.channel == Channel.CONTRACTS or f'"{FileState.UNRECOGNISED}"' in notification.payload:
            self._is_told = True

    def turn(self, connection: Connection) -> None:
        """Looks once, and does what there is to do."""
        is_told, self._is_told = self._is_told, False
        if monotonic() - self._polled_at >= POLL_SECONDS:
            is_told, self._polled_at = True, monotonic()
        has_edits = self._has_edits()
        if not (is_told or has_edits):
            return
        self._serve_requests(connection)
        self._sync(connection)
        if self._propose_next(connection):
            self._is_told = True  # there may be more: after whatever else has happened meanwhile
        self._propose_nested(connection)
        self._reload_if_changed(connection)

    def _serve_requests(self, connection: Connection) -> None:
        """Serves what was asked through the API: people wait for it, so it comes before everything else."""
        while (sentence := serve_next_request(connection, self._settings)) is not None:
            self._log.info(sentence)

    def _propose_next(self, connection: Connection) -> bool:
        """Proposes a contract for one file; says what became of it. False if there is no such file."""
        proposed = self._new_files.propose_next(connection)
        if proposed is None:
            return False
        path, outcome = proposed
        self._log.info("%s: %s", path, outcome.sentence)
        if outcome.is_accepted:
            self._sync(connection)  # writes the contract file
        return True

    def _propose_nested(self, connection: Connection) -> None:
        """Proposes what whoever accepted a dataset has not come to propose: a dataset for each of its arrays."""
        for dataset in datasets_with_arrays(connection):
            if dataset not in self._with_arrays:
                self._with_arrays.add(dataset)
                for sentence in propose_nested_datasets(connection, dataset, self._settings, created_by=CREATED_BY):
                    self._log.info("%s: %s", dataset, sentence)
                    self._is_told = True

    def _has_edits(self) -> bool:
        """Whether a folder has changed since the last look; waits until it is no longer being written."""
        changed = [folder for folder in self._folders() if folder_state(folder) != self._folder_states.get(folder)]
        for folder in changed:
            self._folder_states[folder] = _steady_state(folder)
        return bool(changed)

    def _folders(self) -> list[Path]:
        return [self._settings.contracts_dir, *(each.folder for each in self._followed)]

    def _sync(self, connection: Connection) -> None:
        contracts = self._settings.contracts_dir
        reports = [sync_folder(connection, contracts)]
        self._folder_states[contracts] = folder_state(contracts)
        reports += [each.sync(connection) for each in self._followed]
        for report in reports:
            for sentence in report.changes:
                self._log.info(sentence)
        self._say_problems([problem for report in reports for problem in report.problems])

    def _say_problems(self, problems: list[str]) -> None:
        """Says each problem once, until it is solved."""
        for sentence in problems:
            if sentence not in self._problems:
                self._log.error(sentence)
        self._problems = frozenset(problems)

    def _reload_if_changed(self, connection: Connection) -> None:
        """Has Dagster follow the datasets in force. What it has loaded is not known at first: better once too often."""
        now = [in_force(connection), *(each.in_force(connection) for each in self._followed)]
        before, self._in_force = self._in_force, now
        if any(now) if before is None else now != before:
            self._request_reload()


def in_force(connection: Connection) -> InForce:
    """Dataset, version, and whether it is retired."""
    return frozenset(
        connection.execute("SELECT dataset, version, retired_at IS NOT NULL FROM catalogue.datasets").fetchall()
    )


def _steady_state(folder: Path) -> FolderState:
    """The state of a folder that has not changed for a moment."""
    seen = folder_state(folder)
    while (later := _look_again(folder)) != seen:
        seen = later
    return seen


def _look_again(folder: Path) -> FolderState:
    sleep(STEADY_SECONDS)
    return folder_state(folder)
