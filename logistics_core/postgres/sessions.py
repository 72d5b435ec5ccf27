"""The settings of a session: set right after connecting, and verified once, whatever the surroundings ask for.

A session inherits settings from the server, the database, the login (`ALTER ROLE ... SET`), the environment of libpq
(`PGCLIENTENCODING`, `PGOPTIONS`, ...) and its service file. Start-up options would override them, but poolers drop or
refuse those; so they are set with SQL. `start` yields the statements and takes their rows, so that each driver runs
them its own way: `run` is that of psycopg and psycopg2.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

Statement = tuple[str, dict[str, object]]
Rows = Sequence[tuple[Any, ...]]
Steps = Generator[Statement, Rows, None]

FORMATS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "row_security": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}
"""What values look like in both directions, and what statements mean. No URL can change these."""

UNLIMITED: Mapping[str, str] = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
"""Statements and sessions last as long as they need: index builds, full refreshes, pooled connections."""

CLIENT_CHECK = "client_connection_check_interval"
"""How often the server looks whether the client of a running statement is still there. Some platforms accept only 0."""

# A setting that this version of PostgreSQL does not have is left out; our own have a dot in their names. The process id
# is that of the server process that libpq talks to, unless a pooler is in between: then nothing is set, as the session
# may be another client's next.
SET = """
SELECT wanted.name, pg_catalog.set_config(wanted.name, wanted.value, false)
FROM unnest(%(names)s::text[], %(values)s::text[]) AS wanted (name, value)
WHERE (pg_catalog.current_setting(wanted.name, true) IS NOT NULL OR wanted.name LIKE '%%.%%')
    AND (%(any_process)s OR pg_catalog.pg_backend_pid() = %(process)s)
    AND (wanted.name <> 'session_replication_role' OR pg_catalog.current_setting(wanted.name) <> wanted.value)
"""
FOUND = """
SELECT names.name, pg_catalog.current_setting(names.name, true)
FROM unnest(%(names)s::text[] || ARRAY['server_encoding', 'transaction_read_only']) AS names (name)
"""

SOME_SCHEMA = """
SELECT pg_catalog.set_config('search_path', 'public', false) WHERE pg_catalog.current_schema() IS NULL
"""
"""For sessions that keep the login's search_path: a path on which no schema exists would make every table unknown."""

_NOT_ON_THIS_PLATFORM = ("22023", "0A000")
"""SQLSTATEs of a value that the server cannot work with."""


class SessionError(psycopg.OperationalError):
    """A session that cannot be used. Its message is a sentence for whoever operates the server."""


@dataclass(frozen=True)
class Session:
    """The settings of a session."""

    settings: Mapping[str, str]
    read_only: bool = False

    def start(self, process: int, *, through_pooler: bool = False) -> Steps:
        """Sets and verifies everything; `process` is the server process of the connection as libpq knows it.

        Raises:
            PoolerError: a pooler is in between; ask `poolers` which kind it is, then start again `through_pooler`.
            SessionError: a setting is not what was set, or the database is not encoded in UTF8.
        """
        applied = yield from self._apply(process, through_pooler)
        rows = yield FOUND, {"names": list(applied)}
        found: dict[str, str] = dict(rows)
        _verify(applied, found)
        if self.read_only and found["transaction_read_only"] != "on":
            raise SessionError("The session is not read-only, although it was set so.")

    def _apply(self, process: int, through_pooler: bool) -> Generator[Statement, Rows, dict[str, str]]:
        wanted = dict(self.settings)
        try:
            applied = yield _set(wanted, process, through_pooler)
        except Exception as error:  # of either driver; told apart by SQLSTATE
            if _sqlstate(error) == "42501":
                raise SessionError(_DENIED.format(str(error).strip().partition("\n")[0])) from error
            if _sqlstate(error) not in _NOT_ON_THIS_PLATFORM or wanted.pop(CLIENT_CHECK, None) is None:
                raise
            applied = yield _set(wanted, process, through_pooler)
        if not applied:
            raise PoolerError
        return dict(applied)


_DENIED = (
    "This login may not use the settings that the session needs ({}). Let an administrator remove what was set for it: "
    "ALTER ROLE ... RESET ALL; for the role of the API, run `logistics migrate`."
)


class PoolerError(Exception):
    """libpq talks to a pooler, not to a server process of PostgreSQL."""


def run(connection: Any, steps: Steps) -> None:
    """Runs the statements on a connection of psycopg or psycopg2 that is in autocommit mode."""
    with connection.cursor() as cursor:
        statement, parameters = next(steps)
        while True:
            try:
                cursor.execute(statement, parameters)
                outcome: Rows | Exception = cursor.fetchall()
            except Exception as error:  # noqa: BLE001 (of either driver: the steps decide)
                outcome = error
            if (following := advance(steps, outcome)) is None:
                return
            statement, parameters = following


def advance(steps: Steps, outcome: Rows | Exception) -> Statement | None:
    """The statement that follows one with this outcome; None after the last."""
    try:
        return steps.throw(outcome) if isinstance(outcome, Exception) else steps.send(outcome)
    except StopIteration:
        return None


def split_options(options: str, names: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Takes the settings with these names out of libpq's `options`; returns them, and the options that are left."""
    taken: dict[str, str] = {}
    left: list[str] = []
    known = {name.lower(): name for name in names}
    words = iter(re.findall(r"(?:\\.|[^\s\\])+", options))
    for word in words:
        text = word if word != "-c" else f"-c{next(words, '')}"
        name, _, value = re.sub(r"^(--|-c)", "", text).partition("=")
        setting = known.get(name.replace("-", "_").lower()) if text.startswith("-") else None
        if setting is None:
            left.append(text)
        else:
            taken[setting] = re.sub(r"\\(.)", r"\1", value)
    return taken, " ".join(left)


def _set(wanted: Mapping[str, str], process: int, through_pooler: bool) -> Statement:
    parameters = {"names": list(wanted), "values": list(wanted.values())}
    return SET, {**parameters, "any_process": through_pooler, "process": process}


def _verify(applied: Mapping[str, str], found: Mapping[str, str]) -> None:
    if found["server_encoding"] != "UTF8":
        raise SessionError(f"The database must be encoded in UTF8; it is in {found['server_encoding']}.")
    wrong = [f"{name} is {found[name]!r}, not {value!r}" for name, value in applied.items() if found[name] != value]
    if wrong:
        raise SessionError(
            f"The session does not keep its settings: {'; '.join(wrong)}. Connect to PostgreSQL directly, or through a "
            "pooler in session mode."
        )


def _sqlstate(error: Exception) -> str | None:
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
