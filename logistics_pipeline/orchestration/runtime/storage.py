"""Dagster's storage in PostgreSQL, named in `dagster.yaml`: that of dagster-postgres, with sessions as ours are.

Every process of Dagster imports this module. A time limit or a read-only default of the login would otherwise end
Dagster's queries and migrations. The schema of its tables is left to the login and the URL; it is `public` if they name
none that exists.
"""

from collections.abc import Mapping
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import event
from sqlalchemy.pool import Pool

from logistics_core.postgres.sessions import FORMATS, SOME_SCHEMA, UNLIMITED, Session, run
from logistics_core.postgres.urls import Address

SESSION = Session({**FORMATS, **UNLIMITED, "default_transaction_read_only": "off"})


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
        return cls(
            postgres_url=Address.parse(pg_url_from_config(config_value)).sqlalchemy_url("psycopg2"),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )


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
