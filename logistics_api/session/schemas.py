"""Request and response bodies of a session."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_core.settings import Scope


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
    """The identity and scopes of the client."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Name of the API key; `anonymous` without one", examples=["dashboard"])
    is_anonymous: bool = Field(description="Whether the request has no API key", examples=[False])
    scopes: list[Scope] = Field(description="Granted scopes", examples=[["read", "export"]])
