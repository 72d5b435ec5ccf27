"""Request and response bodies of a session."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_core.settings import Scope


class Login(BaseModel):
    """A key, to be kept by the browser."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(
        description="A key of the API, from `logistics keys create`", min_length=1, max_length=256, examples=["lap_..."]
    )


class Session(BaseModel):
    """Who asks, and what they may do."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Name of the key; `anonymous` without one", examples=["dashboard"])
    is_anonymous: bool = Field(description="Whether no key was sent", examples=[False])
    scopes: list[Scope] = Field(description="What is allowed", examples=[["read", "export"]])
