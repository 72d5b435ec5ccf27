"""Makes what this version of the code needs on a server: databases, schemas, tables, roles. Can run at any time.

The ledger changes by Alembic versions (`versions/`, each of which runs one file of `sql/migrations`). The raw tables
are made from the contracts of the catalogue (`raw_tables`). The analytics tables are derived data: if a file of
`sql/analytics` has changed, its table and those computed from it are made again, and a full refresh is due.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.locks import MIGRATION_LOCK, REFRESH_LOCK
from logistics_core.database_contract.roles import OPERATOR, READER
from logistics_core.postgres.sessions import SOME_SCHEMA
from logistics_core.postgres.urls import Address
from logistics_core.sql_files import checksum, read_sql
from logistics_pipeline import ledger
from logistics_pipeline.analytics.tables import TABLES
from logistics_pipeline.database.connections import (
    Connection,
    advisory_lock,
    connect,
    parse_url,
    transient_errors,
)
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.day_indexes import build_day_index
from logistics_pipeline.database.distribution import use_one_connection_per_node
from logistics_pipeline.errors import ConfigurationError, TransientError
from logistics_pipeline.loading.write.indexes import build_missing
from logistics_pipeline.migrations.raw_tables import make_raw_table

MINIMUM_SERVER_VERSION = 160000
CONNECT_ATTEMPTS = 3
"""To a database just made, each up to ten seconds: PgBouncer asks the server again after 15."""


@dataclass(frozen=True)
class ApiLogins:
    """The API's own logins, as URLs."""

    reader: str | None = None
    """None: the API reads with the login of the pipeline."""
    operator: str | None = None
    """What it changes something with; None: what it reads with."""


def migrate(
    url: str,
    *,
    catalogue: Catalogue | None = None,
    dagster_url: str | None = None,
    api_logins: ApiLogins = ApiLogins(),
) -> str:
    """Makes everything that is missing and returns the schema version reached.

    Creates the databases of `url` and `dagster_url` if they do not exist, and the tables of all datasets: the built-in
    ones, those whose contracts are stored, and those of the catalogue. Builds the indexes that an interrupted bulk load
    has dropped. Creates the `api_logins` as members of their roles.

    Raises:
        TransientError: the server cannot be reached.
        ConfigurationError: the server is too old, the login may not create what is missing, or a table does not have
            the columns of its contract.
    """
    _ensure_database(url)
    if dagster_url is not None:
        _prepare_dagster_database(dagster_url)
    with (
        connect(url, application_name="logistics migrate") as connection,
        transient_errors("migrating"),
        advisory_lock(connection, MIGRATION_LOCK),
    ):
        _refuse_unfit_server(connection)
        use_one_connection_per_node(connection, session=True)
        with _explained(connection):
            _run_alembic(url)
            stored = catalogue_in_force(connection)
            _make_tables(connection, Catalogue({**stored, **(catalogue or {})}))
        _make_roles(connection, api_logins)
    return head_version()


def head_version() -> str:
    """The schema version this code was written for."""
    head = ScriptDirectory.from_config(_alembic_config()).get_current_head()
    assert head is not None
    return head


def _ensure_database(url: str) -> None:
    """Creates the database if a connection to it fails because it does not exist.

    That is asked of the server: its message about it may be in any language, and has no code before a session exists.
    """
    address = parse_url(url)
    try:
        connect(url, application_name="logistics migrate").close()
        return
    except TransientError:
        server = _maintenance_connection(address)
        if server is None:
            raise
    with server:
        exists = server.execute("SELECT FROM pg_database WHERE datname = %s", (address.database,)).fetchone()
        if exists is None:
            _create_database(server, address)
            _wait_until_reachable(url)


def _wait_until_reachable(url: str) -> None:
    """A pooler may remember for some seconds that the database was missing."""
    for _ in range(CONNECT_ATTEMPTS):
        with suppress(TransientError):
            connect(url, application_name="logistics migrate").close()
            return


def _maintenance_connection(address: Address) -> Connection | None:
    """A connection to a database that nearly every server has; None if none can be reached."""
    for database in ("postgres", "template1"):
        with suppress(TransientError):
            return connect(address.set(database=database).url(), application_name="logistics migrate")
    return None


def _create_database(server: Connection, address: Address) -> None:
    database = sql.Identifier(address.database or "")
    try:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(database))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        pass  # another process has just made it; the second error is raised if at the same moment
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"Database {address.database!r} does not exist on {address} and this login may not create it. "
            f"Let an administrator run: CREATE DATABASE {_quoted(address.database)} "
            f"OWNER {_quoted(server.info.user)} TEMPLATE template0 ENCODING 'UTF8'"
        ) from error


def _quoted(name: str | None) -> str:
    """A name as it stands in SQL: with quotation marks where it needs them."""
    return (
        name if name and re.fullmatch(r"[a-z_][a-z0-9_]*", name, re.ASCII) else sql.Identifier(name or "").as_string()
    )


def _prepare_dagster_database(url: str) -> None:
    """Creates Dagster's database, or refuses one in which Dagster could not create its tables."""
    _ensure_database(url)
    with connect(url, application_name="logistics migrate") as connection:
        _refuse_unfit_server(connection)
        if "search_path" not in parse_url(url).parameters.get("options", ""):
            connection.execute("RESET search_path")  # Dagster uses that of the login
        connection.execute(SOME_SCHEMA)
        row = connection.execute(read_sql("describing/dagster_schema").encode()).fetchone()
        assert row is not None
        may_create, schema, belongs_to_owner = row
        if may_create:
            return
        database, user = _quoted(connection.info.dbname), _quoted(connection.info.user)
        statement = (
            f"ALTER DATABASE {database} OWNER TO {user}"
            if belongs_to_owner
            else f"GRANT CREATE ON SCHEMA {_quoted(schema)} TO {user}"
        )
        raise ConfigurationError(
            f"The login {connection.info.user!r} may not create Dagster's tables in schema {schema!r} of the database "
            f"{connection.info.dbname!r}. Let an administrator run: {statement}"
        )


def _refuse_unfit_server(connection: Connection) -> None:
    if connection.info.server_version < MINIMUM_SERVER_VERSION:
        found = connection.info.parameter_status("server_version")
        raise ConfigurationError(f"PostgreSQL 16 or newer is needed; this server is {found}.")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"The database must be encoded in UTF8; {connection.info.dbname!r} is in {encoding}. Recreate it: "
            f"CREATE DATABASE {_quoted(connection.info.dbname)} TEMPLATE template0 ENCODING 'UTF8'"
        )


@contextmanager
def _explained(connection: Connection) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        database, user = connection.info.dbname, connection.info.user
        raise ConfigurationError(
            f"The login {user!r} may not create what is missing in {database!r} ({str(error).splitlines()[0]}). "
            f"Let an administrator run: ALTER DATABASE {_quoted(database)} OWNER TO {_quoted(user)}"
        ) from error


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def _run_alembic(url: str) -> None:
    config = _alembic_config()
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: _for_sqlalchemy(url), poolclass=sqlalchemy.NullPool
    )
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS ingest")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sqlalchemy.exc.DBAPIError as error:
        raise error.orig or error from error  # PostgreSQL's own error, which callers handle


def _for_sqlalchemy(url: str) -> Connection:
    connection = connect(url, application_name="logistics migrate")
    connection.autocommit = False
    return connection


def _make_tables(connection: Connection, catalogue: Catalogue) -> None:
    for dataset in catalogue.values():
        build_missing(connection, dataset)
    # A refresh under way would fail at its end: it and we note in one row that figures have changed.
    others = advisory_lock(connection, REFRESH_LOCK) if _have_figures_changed(connection) else nullcontext()
    with others, connection.transaction():
        for dataset in catalogue.values():
            make_raw_table(connection, dataset)
        _make_analytics_tables(connection)
    for dataset in catalogue.values():
        build_day_index(connection, dataset)
        ledger.count_columns_again(connection, dataset, only_uncounted=True)


def _have_figures_changed(connection: Connection) -> bool:
    """Whether an analytics table is to be made, or is computed in another way than before."""
    known = _known_definitions(connection)
    return any(known.get(table) != _definition(table) for table in TABLES)


def _make_analytics_tables(connection: Connection) -> None:
    """Makes tables that are new or have other columns. Figures that are only computed in another way stay meanwhile."""
    known = _known_definitions(connection)
    is_made = False
    for table in TABLES:
        columns, computation = _definition(table)
        # Those after it too: they hold numbers that a new table would give to other rows.
        is_made = is_made or known.get(table, ("", ""))[0] != columns
        if is_made:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS analytics.{}").format(sql.Identifier(table)))
            connection.execute(read_sql(f"analytics/{table}").encode())
        if is_made or known[table][1] != computation:
            connection.execute(
                "INSERT INTO analytics.definitions VALUES (%s, %s) "
                "ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum",
                (table, columns + computation),
            )
            connection.execute("UPDATE analytics.status SET full_refresh_due = true")


def _definition(table: str) -> tuple[str, str]:
    """Checksums of what makes a table, and of what computes it."""
    return checksum(f"analytics/{table}"), checksum(f"analytics/{table}.refresh")


def _known_definitions(connection: Connection) -> dict[str, tuple[str, str]]:
    """Those that the tables were made by and computed with; the two are stored as one text."""
    found = connection.execute("SELECT name, checksum FROM analytics.definitions").fetchall()
    return {name: (both[: len(both) // 2], both[len(both) // 2 :]) for name, both in found}


def _make_roles(connection: Connection, api: ApiLogins) -> None:
    try:
        with connection.transaction():
            connection.execute(read_sql("roles").encode())
            for role in (READER, OPERATOR):
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
            if api.reader is not None:
                _make_reader(connection, api.reader, is_operator=api.operator is None)
            if api.operator is not None:
                _make_login(connection, "LOGISTICS_API_OPERATOR_DATABASE_URL", api.operator, OPERATOR)
    except psycopg.errors.InsufficientPrivilege as error:
        user = _quoted(connection.info.user)
        statements = [f"GRANT {role} TO {user} WITH ADMIN OPTION" for role in (READER, OPERATOR)]
        missing = [f"CREATE ROLE {role} NOLOGIN" for role in _missing_roles(connection)]
        raise ConfigurationError(
            f"This login may not create the roles of the API ({str(error).strip()}). Let an administrator run: "
            f"{'; '.join(missing + statements)}"
        ) from error


def _missing_roles(connection: Connection) -> list[str]:
    found = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", ([READER, OPERATOR],)).fetchall()
    return [role for role in (READER, OPERATOR) if (role,) not in found]


def _make_reader(connection: Connection, url: str, *, is_operator: bool) -> None:
    """Without another login for changes, it may become the operator, and has none of those rights until it does."""
    login = _make_login(connection, "LOGISTICS_API_DATABASE_URL", url, READER)
    statement = "GRANT {} TO {} WITH INHERIT FALSE, SET TRUE" if is_operator else "REVOKE {} FROM {}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(OPERATOR), login))


def _make_login(connection: Connection, variable: str, url: str, role: str) -> sql.Identifier:
    wanted = parse_url(url)
    if wanted.username is None or wanted.username == connection.info.user:
        raise ConfigurationError(f"{variable} must name a login of its own, as the API may do less than the pipeline.")
    login = sql.Identifier(wanted.username)
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (wanted.username,)).fetchone() is not None
    statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
        sql.SQL("ALTER" if exists else "CREATE"), login, sql.Literal(wanted.password)
    )
    connection.execute(statement)
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), login))
    return login


def reader_url(url: str) -> str:
    """The same login, limited to reading: what the API uses if it has no login of its own."""
    address = parse_url(url)
    options = f"{address.parameters.get('options', '')} -c role={READER} -c default_transaction_read_only=on".strip()
    return address.replace(options=options).url()
