"""The base of response models."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A model with exactly the declared fields: tests validate responses against it."""

    model_config = ConfigDict(extra="forbid")
