"""Reads the contracts that are in force, once, before the API serves: what it serves follows from them."""

import logging

import psycopg

from logistics_api.database.conninfo import ReadOnly
from logistics_api.database.problems import NOT_MIGRATED
from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.stored_contracts import stored_catalogue
from logistics_core.database_contract.contracts import CONTRACTS_IN_FORCE
from logistics_core.postgres.poolers import refuse_transaction_pooler
from logistics_core.postgres.sessions import PoolerError, SessionError, run

logger = logging.getLogger(__name__)


def read_contracts(read_only: ReadOnly) -> Catalogue | None:
    """The built-in datasets and those of the database; None if that cannot be reached, or is of an older version.

    Raises:
        ContractError: a stored contract cannot be used by this version of the program.
    """
    try:
        with psycopg.connect(read_only.conninfo, autocommit=True) as connection:
            _start(connection, read_only)
            return stored_catalogue(connection.execute(CONTRACTS_IN_FORCE).fetchall())
    except NOT_MIGRATED:
        return None
    except (psycopg.Error, SessionError, OSError) as error:
        logger.warning("The contracts in the database cannot be read; those in the folder are served: %s", error)
        return None


def _start(connection: psycopg.Connection[tuple[object, ...]], read_only: ReadOnly) -> None:
    process = connection.info.backend_pid
    try:
        run(connection, read_only.session.start(process))
    except PoolerError:
        refuse_transaction_pooler(read_only.conninfo)
        run(connection, read_only.session.start(process, through_pooler=True))
