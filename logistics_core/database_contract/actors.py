"""Who changes something: each session tells the database, whose audit log names them (`access.audit`)."""

import json
from dataclasses import dataclass
from enum import StrEnum

SETTING = "logistics.actor"
"""The setting of a session or a transaction that holds the actor, as `Actor.setting` writes it."""

ACT_AS = f"SELECT pg_catalog.set_config('{SETTING}', %(actor)s, true)"
"""Sets the actor until the transaction ends."""


class ActorKind(StrEnum):
    """What kind of actor it is."""

    KEY = "key"
    """A program or a person with an API key; named as the key is."""
    PERSON = "person"
    """A person who has signed in."""
    ANONYMOUS = "anonymous"
    """A request without a key, as on the machine itself."""
    COMMAND_LINE = "command_line"
    """A command; named as the user of the machine."""
    PROCESS = "process"
    """The pipeline by itself: a run, the worker, the watch of contracts."""
    LOGIN = "login"
    """A session that says nothing about its actor, such as that of psql; named as its login."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something."""

    kind: ActorKind
    name: str
    person_id: int | None = None
    """Of `access.people`; None for all but people."""
    request_id: str | None = None
    """Of the API's request, as in its log; None elsewhere."""

    def setting(self) -> str:
        """The value of `SETTING`: JSON that the database reads. The name keeps what a text of PostgreSQL can hold."""
        document = {
            "kind": self.kind.value,
            "name": self.name.replace("\0", "").encode(errors="replace").decode(),
            "person_id": self.person_id,
            "request_id": self.request_id,
        }
        return json.dumps({name: value for name, value in document.items() if value is not None})
