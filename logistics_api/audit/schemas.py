"""Parameters and responses of /api/audit."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.cursors import Page
from logistics_api.parameters.times import Moment
from logistics_api.parameters.types import Paging, Text
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.actors import ActorKind
from logistics_core.database_contract.audit import ObjectKind


class AuditFilters(BaseModel):
    """Filters of entries. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    kind: ObjectKind | None = Field(None, description="Changes of things of this kind", examples=["board"])
    object: Text | None = Field(
        None,
        description="Changes of the thing of this name or number, as in `object` of an entry",
        examples=["shipments/june.csv"],
    )
    action: Text | None = Field(None, description="Changes of this sort", examples=["deleted"])
    actor: Text | None = Field(None, description="Changes by whom, as in `actor.name` of an entry", examples=["laptop"])
    since: Moment | None = Field(None, description="Changes at this moment or later", examples=["2024-06-01T00:00:00Z"])
    until: Moment | None = Field(None, description="Changes before this moment", examples=["2024-07-01T00:00:00Z"])


class AuditParameters(Paging, AuditFilters):
    """Filters and paging of entries."""


class AuditActor(StrictModel):
    """Who changed something."""

    kind: ActorKind = Field(
        description="key: a request with an API key; person: one who has signed in; anonymous: a request without a "
        "key; command_line: a command; process: the pipeline by itself; login: a session of PostgreSQL that does not "
        "say"
    )
    name: str = Field(description="Of the key, the person, the user of the machine, the process or the login")
    person_id: int | None = Field(description="Of a person who has signed in")


class AuditEntry(StrictModel):
    """A change."""

    entry_id: int = Field(examples=[17])
    changed_at: datetime
    actor: AuditActor
    request_id: str | None = Field(description="X-Request-ID of the request, as in the log of the API")
    login: str = Field(description="Login of the session in PostgreSQL")
    kind: ObjectKind = Field(description="What kind of thing was changed")
    object: str = Field(description="Its name or number, with / between parts", examples=["vehicles/fuelco/W-1234"])
    action: str = Field(description="What was done", examples=["added", "changed", "deleted", "acknowledged"])
    before: dict[str, Any] | None = Field(
        description="Values that were there: those that differ, or all of what was deleted"
    )
    after: dict[str, Any] | None = Field(
        description="Values that are there now: those that differ, or all of what was added. A value of more than "
        "16 KiB is given by `bytes` and `sha256`"
    )


class AuditEntries(Page, StrictModel):
    """A page of changes, the newest first."""

    items: list[AuditEntry]
