"""Reads the contracts that are in force: before the API serves, and whenever others come into force meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from logistics_api.database.conninfo import Login
from logistics_api.database.problems import NOT_MIGRATED
from logistics_api.errors import ConfigurationError
from logistics_core.catalogue import Catalogue, ContractError
from logistics_core.catalogue.stored_contracts import StoredContract, stored_catalogue
from logistics_core.database_contract.contracts import CONTRACTS_IN_FORCE
from logistics_core.postgres.poolers import refuse_transaction_pooler
from logistics_core.postgres.sessions import PoolerError, SessionError, run

VERSIONS_IN_FORCE = "SELECT dataset, version FROM catalogue.datasets WHERE retired_at IS NULL ORDER BY dataset"

logger = logging.getLogger(__name__)


def read_contracts(login: Login) -> Catalogue | None:
    """The built-in datasets and those of the database; None if that cannot be reached, or is of an older version.

    Raises:
        ContractError: a stored contract cannot be used by this version of the program.
    """
    try:
        with psycopg.connect(login.conninfo, autocommit=True) as connection:
            _start(connection, login)
            return stored_catalogue(connection.execute(CONTRACTS_IN_FORCE).fetchall())
    except NOT_MIGRATED:
        return None
    except (psycopg.OperationalError, OSError):
        return None  # the pool says that the database is away
    except (psycopg.Error, SessionError) as error:
        logger.warning("The contracts in the database cannot be read; those in the folder are served: %s", error)
        return None


def _start(connection: psycopg.Connection[tuple[object, ...]], login: Login) -> None:
    process = connection.info.backend_pid
    try:
        run(connection, login.session.start(process))
    except PoolerError:
        refuse_transaction_pooler(login.conninfo)
        run(connection, login.session.start(process, through_pooler=True))


class FollowedContracts:
    """Has the application follow the contracts in force. `poll` belongs to the database's watcher.

    What cannot be served, such as a dataset of a reserved name, leaves everything as it is, and is said in `problem`.
    """

    def __init__(self, catalogue: Catalogue, serve: Callable[[Catalogue], Awaitable[None]]) -> None:
        """`serve` makes the application serve other datasets, and fails if it cannot."""
        self.problem: str | None = None
        """Why the contracts in force are not those that are served; None if they are."""
        self._catalogue = catalogue
        self._serve = serve
        self._seen: list[tuple[str, int]] | None = None
        self._wanted: list[StoredContract] | None = None
        self._task: asyncio.Task[None] | None = None

    async def poll(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Looks which versions are in force; reads the contracts if those are others than before."""
        try:
            versions = await (await connection.execute(VERSIONS_IN_FORCE)).fetchall()
            if versions == self._seen:
                return
            rows = await (await connection.execute(CONTRACTS_IN_FORCE)).fetchall()
        except NOT_MIGRATED:
            return
        self._seen = [(dataset, version) for dataset, version, _ in rows]
        self._wanted = rows
        if self._task is None or self._task.done():  # the watcher goes on meanwhile
            self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        """Serves what is in force, until nothing else is. Each catalogue takes some tenths of a second."""
        while self._wanted is not None:
            rows, self._wanted = self._wanted, None
            try:
                catalogue = await asyncio.to_thread(stored_catalogue, rows)
                if catalogue != self._catalogue:
                    await self._serve(catalogue)
                self._catalogue, self.problem = catalogue, None
            except (ContractError, ConfigurationError) as error:
                self._report(str(error))
            except Exception as error:
                logger.exception("The datasets that are in force cannot be served; those from before are")
                self._report(f"They cannot be served because of an error in the program ({error}).")

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            logger.error("The contracts that are in force are not served; those from before are: %s", problem)
        self.problem = problem
