"""The file as of which a response is."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class FileAsOf(BaseModel):
    """The last file that counts."""

    model_config = ConfigDict(extra="forbid")

    file_id: int = Field(description="Its number in the ledger; 0 before the first file", examples=[214])
    path: str | None = Field(description="Its path; null before the first file", examples=["shipments/june.csv"])
    version: int | None = Field(description="Version of the content under this path, from 1", examples=[1])
    registered_at: datetime | None = Field(description="When it was first seen")
