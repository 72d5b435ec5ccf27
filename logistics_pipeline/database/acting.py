"""In whose name this process changes the database, as the audit log shows: a command's user, or the process itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from logistics_core.database_contract.actors import Actor, ActorKind

_user: list[Actor] = []
"""The user of the command that runs, if any: of the process, whichever of its threads connects."""


@contextmanager
def acting_as_user(name: str) -> Iterator[None]:
    """Connections that are made in the block change the database in the name of a user of this machine."""
    _user.append(Actor(ActorKind.COMMAND_LINE, name))
    try:
        yield
    finally:
        _user.pop()


@contextmanager
def acting_by_itself() -> Iterator[None]:
    """Connections that are made in the block do so in the name of the process, although a user has started it."""
    hidden = _user.copy()
    _user.clear()
    try:
        yield
    finally:
        _user.extend(hidden)


def actor_of(application_name: str) -> Actor:
    """In whose name a connection changes the database."""
    return _user[-1] if _user else Actor(ActorKind.PROCESS, application_name)
