"""Request and response bodies of a session."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_core.settings import Role, Scope


class Login(BaseModel):
    """An API key for the browser to store."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(
        description="An API key, created with `logistics keys create`",
        min_length=1,
        max_length=256,
        examples=["lap_..."],
    )


class Session(BaseModel):
    """The identity of the client, and what it may do."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        description="Name of the API key, or e-mail address or name of the person; `anonymous` without either",
        examples=["dashboard"],
    )
    is_anonymous: bool = Field(description="Whether the request has neither key nor session", examples=[False])
    rows: list[str] | None = Field(
        description="The rows that it may see, as rules (`logistics keys create --only`); null: all",
        examples=[["shipments: origin = Berlin | Hamburg"]],
    )
    scopes: list[Scope] = Field(description="Granted scopes", examples=[["read", "export"]])
    method: Literal["key", "openid-connect", "proxy"] | None = Field(
        description="How the client has signed in: with an API key, at an identity provider, or at a proxy that is "
        "trusted; null if it is anonymous",
        examples=["openid-connect"],
    )
    person_id: int | None = Field(description="The person; null for keys and anonymous requests", examples=[7])
    roles: list[Role] = Field(description="Roles of the person: sets of scopes", examples=[["analyst"]])
    groups: list[str] = Field(
        description="Groups of the person, as the identity provider or proxy names them", examples=[["dispatch"]]
    )
    ends_at: datetime | None = Field(
        description="When the session or the key ends at the latest; null if never", examples=["2027-01-31T12:00:00Z"]
    )
    can_sign_in: bool = Field(description="Whether people can sign in here, at `/api/sign-in`", examples=[True])
