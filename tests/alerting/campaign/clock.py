"""The clock of a database, which stands still unless it is set: forward as time passes, and back as clocks step.

Sessions whose search path begins with the schema `clock` find its `clock_timestamp()` before PostgreSQL's own; defaults
of columns do so if the tables were made in such a session.
"""

from datetime import UTC, datetime
from urllib.parse import quote

from logistics_pipeline.database.connections import Connection

START = datetime(2080, 3, 4, 9, 0, tzinfo=UTC)
"""A silence can be ended only before it ends by the clock of PostgreSQL itself, which goes on."""
SEARCH_PATH = quote("-c search_path=clock,pg_catalog,public")


def install(connection: Connection) -> None:
    """Gives a database such a clock, before it has any table."""
    connection.execute("CREATE SCHEMA clock")
    connection.execute("CREATE TABLE clock.hands AS SELECT %s::timestamptz AS shown", (START,))
    connection.execute(
        "CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql "
        "AS 'SELECT shown FROM clock.hands'"
    )


def set_clock(connection: Connection, to: datetime) -> None:
    connection.execute("UPDATE clock.hands SET shown = %s", (to,))
