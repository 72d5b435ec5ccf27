"""People who sign in, and their sessions: listed, ended and disabled here.

`logistics_api` makes them, and is notified of every change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from logistics_core.row_access.rules import RowAccess
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import PipelineError


@dataclass(frozen=True)
class KnownPerson:
    """A person who has signed in, as the identity provider described them last."""

    person_id: int
    issuer: str
    subject: str
    name: str
    email: str | None
    groups: list[str]
    sessions: int
    """In force."""
    added_at: datetime
    signed_in_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True)
class PersonSession:
    """A session of a person that is in force."""

    session_id: int
    person_id: int
    name: str
    email: str | None
    method: str
    started_at: datetime
    seen_at: datetime
    ends_at: datetime
    """At the latest."""


def list_people(connection: Connection) -> list[KnownPerson]:
    """Everybody who has ever signed in, by name."""
    with connection.cursor(row_factory=class_row(KnownPerson)) as cursor:
        return cursor.execute(read_sql("people/people").encode()).fetchall()


def list_sessions(connection: Connection, who: str | None = None) -> list[PersonSession]:
    """The sessions that are in force, of one person or of all.

    Raises:
        PipelineError: there is no such person, or there are several.
    """
    person_id = None if who is None else _person_id(connection, who)
    with connection.cursor(row_factory=class_row(PersonSession)) as cursor:
        return cursor.execute(read_sql("people/sessions").encode(), {"person_id": person_id}).fetchall()


def end_session(connection: Connection, session_id: int) -> None:
    """Ends a session: a running API refuses it at once.

    Raises:
        PipelineError: there is no such session in force.
    """
    ended = _count(connection, "people/end_session", {"session_id": session_id})
    if not ended:
        raise PipelineError(
            f"There is no session {session_id} to end. `logistics people sessions` shows those there are."
        )


def end_sessions_of(connection: Connection, who: str) -> tuple[str, int]:
    """Ends all sessions of a person; their name, and how many there were.

    Raises:
        PipelineError: there is no such person, or there are several.
    """
    person_id = _person_id(connection, who)
    parameters = {"person_id": person_id, "reason": "ended by an administrator"}
    return _name(connection, person_id), _count(connection, "people/end_sessions_of_person", parameters)


def disable_person(connection: Connection, who: str) -> tuple[str, int]:
    """Ends the sessions of a person, who cannot sign in from now on; their name, and how many there were.

    Raises:
        PipelineError: there is no such person, or there are several.
    """
    with connection.transaction():
        person_id = _person_id(connection, who)
        _count(connection, "people/disable_person", {"person_id": person_id})
        parameters = {"person_id": person_id, "reason": "person disabled"}
        return _name(connection, person_id), _count(connection, "people/end_sessions_of_person", parameters)


def enable_person(connection: Connection, who: str) -> str:
    """Lets a person sign in again; their name.

    Raises:
        PipelineError: there is no such person, or there are several.
    """
    person_id = _person_id(connection, who)
    _count(connection, "people/enable_person", {"person_id": person_id})
    return _name(connection, person_id)


def restrict_group(connection: Connection, group: str, rows: RowAccess) -> None:
    """From now on people of a group may see these rows only: a running API follows within a second.

    Raises:
        PipelineError: this cannot be the name of a group.
    """
    try:
        _count(connection, "people/restrict_group", {"group_name": group, "row_access": Jsonb(rows.document)})
    except (errors.CheckViolation, errors.DataError) as error:
        raise PipelineError(f"{group!r} cannot be the name of a group: expected 1 to 1,000 characters.") from error


def groups_of_people(connection: Connection) -> set[str]:
    """The groups of everybody who has signed in, as they were then."""
    return {group for person in list_people(connection) for group in person.groups}


def unrestrict_group(connection: Connection, group: str) -> None:
    """Lifts what `restrict_group` has set.

    Raises:
        PipelineError: the group is not restricted.
    """
    if not _count(connection, "people/unrestrict_group", {"group_name": group}):
        raise PipelineError(
            f"The group {group!r} is not restricted. `logistics people restrictions` shows those that are."
        )


def restricted_groups(connection: Connection) -> list[tuple[str, RowAccess]]:
    """Groups whose people may see some rows only, by name."""
    rows = connection.execute(read_sql("people/restricted_groups").encode()).fetchall()
    return [(group, RowAccess.from_document(document)) for group, document in rows]


def _person_id(connection: Connection, who: str) -> int:
    found = connection.execute(read_sql("people/find_person").encode(), {"who": who}).fetchall()
    if not found:
        raise PipelineError(f"There is nobody {who!r}. `logistics people list` shows everybody who has signed in.")
    if len(found) > 1:
        numbers = ", ".join(str(person_id) for (person_id,) in found)
        raise PipelineError(f"{who!r} is the address or name of several people: say which by number ({numbers}).")
    return int(found[0][0])


def _name(connection: Connection, person_id: int) -> str:
    row = connection.execute("SELECT name FROM access.people WHERE person_id = %s", (person_id,)).fetchone()
    assert row is not None
    return str(row[0])


def _count(connection: Connection, name: LiteralString, parameters: dict[str, object]) -> int:
    return connection.execute(read_sql(name).encode(), parameters).rowcount
