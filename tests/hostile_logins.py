"""Logins and environments that ask for sessions in which nothing is as the product needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from psycopg import sql

from logistics_pipeline.database.connections import connect, parse_url

SETTINGS = {
    "client_encoding": "LATIN1",
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Tokyo",
    "search_path": "nowhere",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "statement_timeout": "700ms",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "500ms",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
}
ENVIRONMENT = {
    "PGCLIENTENCODING": "LATIN2",
    "PGDATESTYLE": "SQL, DMY",
    "PGTZ": "America/Caracas",
    "PGOPTIONS": "-c search_path=nowhere -c statement_timeout=600 -c default_transaction_read_only=on",
    "PGAPPNAME": "somebody",
}

_numbers = count()


@contextmanager
def hostile_login(database_url: str, **changes: str) -> Iterator[str]:
    """A login that may do what the owner may, and has every setting wrong; yields the URL with it."""
    name = f"hostile_{next(_numbers)}"
    role = sql.Identifier(name)
    with connect(database_url) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(role))
        for setting, value in (SETTINGS | changes).items():
            admin.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(setting), sql.Literal(value))
            )
        try:
            yield parse_url(database_url).set(username=name).url()
        finally:
            admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (name,))
            admin.execute(sql.SQL("DROP OWNED BY {}").format(role))
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def hostile_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets what libpq reads from the environment to something else."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
