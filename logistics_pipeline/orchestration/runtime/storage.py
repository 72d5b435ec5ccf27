"""Dagster's storage in PostgreSQL, named in `dagster.yaml`: that of dagster-postgres, with sessions as ours are.

Every process of Dagster imports this module. A time limit or a read-only default of the login would otherwise end
Dagster's queries and migrations. The schema of its tables is left to the login and the URL; it is `public` if they name
none that exists.

dagster-postgres opens a connection for every statement. Here a process keeps some of them open, for all instances that
it makes: the code server makes one per evaluation of a sensor.

The engines of dagster-postgres are private. `tests/orchestration/test_storage.py` checks that they are still what its
statements go through, and pyproject.toml limits Dagster's version.
"""

import os
import weakref
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Self
from weakref import WeakKeyDictionary

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage, PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import Pool

from logistics_core.postgres.sessions import FORMATS, SOME_SCHEMA, UNLIMITED, Session, run
from logistics_core.postgres.urls import Address
from logistics_pipeline.database.kept_connections import (
    KEPT_CONNECTIONS,
    MOST_SECONDS,
    UNANSWERED_MS,
    refuse_lost_connection,
)

SESSION = Session({**FORMATS, **UNLIMITED, "default_transaction_read_only": "off"})

WATCHED = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": UNANSWERED_MS,
}
"""Of connections over a network."""


class PostgresStorage(DagsterPostgresStorage):
    """Dagster's runs, events and schedules in PostgreSQL."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Makes the storage from `dagster.yaml`.

        Raises:
            AddressError: its URL cannot be used; the message does not show it, as SQLAlchemy's would.
        """
        if not event.contains(Pool, "connect", start_session):
            event.listen(Pool, "connect", start_session)
        url = Address.parse(pg_url_from_config(config_value)).sqlalchemy_url("psycopg2")
        engine = kept_engine(url, make_tables=config_value.get("should_autocreate_tables", True))
        storage = cls(postgres_url=url, should_autocreate_tables=False, inst_data=inst_data)
        storage._run_storage = RunStorage(url, should_autocreate_tables=False)
        storage._schedule_storage = ScheduleStorage(url, should_autocreate_tables=False)
        for part in (storage._run_storage, storage._event_log_storage, storage._schedule_storage):
            part._engine = engine
        return storage


class RunStorage(PostgresRunStorage):
    """Dagster's, which asks what its tables have before every query of runs with their times; this one asks once."""

    def has_run_stats_index_cols(self) -> bool:
        """Whether runs have the times that they have since some version of Dagster."""
        return _has(self._engine, "times of runs", super().has_run_stats_index_cols)


class ScheduleStorage(PostgresScheduleStorage):
    """Dagster's, which asks at every evaluation of a sensor which tables there are; this one asks once."""

    def has_built_index(self, migration_name: str) -> bool:
        """Whether a migration of data of Dagster's was made."""
        return _has(self._engine, migration_name, partial(super().has_built_index, migration_name))

    def _has_instigators_table(self, conn: Connection) -> bool:
        return _has(self._engine, "table of instigators", partial(super()._has_instigators_table, conn))


_found: WeakKeyDictionary[Engine, set[str]] = WeakKeyDictionary()
"""What Dagster's tables are known to have, which they do not lose."""


def _has(engine: Engine, what: str, look: Callable[[], bool]) -> bool:
    """Looks until it is there, and not any more once it was."""
    found = _found.setdefault(engine, set())
    if what not in found and look():
        found.add(what)
    return what in found


@lru_cache(maxsize=1)
def kept_engine(url: str, *, make_tables: bool) -> Engine:
    """The engine of this process for a database, of which missing tables are made once if they may be.

    A connection that was lost meanwhile is replaced before it is used.
    """
    if make_tables:
        DagsterPostgresStorage(url)
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",  # as dagster-postgres has it
        pool_size=KEPT_CONNECTIONS,
        max_overflow=-1,
        pool_recycle=MOST_SECONDS,
        pool_use_lifo=True,
        connect_args=WATCHED,
    )
    event.listen(engine, "checkout", refuse_lost_connection)
    os.register_at_fork(after_in_child=partial(_give_up_connections, weakref.ref(engine)))
    return engine


def _give_up_connections(reference: weakref.ReferenceType[Engine]) -> None:
    """Forgets the connections in a fork: they stay those of the process that it is a fork of."""
    engine = reference()
    if engine is not None:
        engine.dispose(close=False)


def start_session(connection: Any, _record: object) -> None:
    """Sets and verifies the settings of a new connection of psycopg2; SQLAlchemy calls it.

    `logistics migrate` has refused poolers in transaction mode; one in session mode is taken for granted here.
    """
    if not type(connection).__module__.startswith("psycopg2"):
        return
    given, connection.autocommit = connection.autocommit, True
    try:
        run(connection, SESSION.start(connection.info.backend_pid, through_pooler=True))
        with connection.cursor() as cursor:
            cursor.execute(SOME_SCHEMA)
    finally:
        connection.autocommit = given
