"""How the planner is told what it cannot know."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from logistics_pipeline.database.connections import Connection


@contextmanager
def planned_without(connection: Connection, *methods: str) -> Iterator[None]:
    """Has statements planned without some methods, where the planner cannot know how many rows they find.

    `connection` is in a transaction. The methods are named as in the settings of PostgreSQL: `seqscan`, `nestloop`.
    """
    settings = [sql.Identifier(f"enable_{method}") for method in methods]
    for setting in settings:
        connection.execute(sql.SQL("SET LOCAL {} = off").format(setting))
    yield
    for setting in settings:
        connection.execute(sql.SQL("SET LOCAL {} = on").format(setting))
