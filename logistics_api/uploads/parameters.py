"""Query parameters of an upload."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.types import DatasetName, Flag
from logistics_api.uploads.names import FileName


class Destination(BaseModel):
    """Where an uploaded file goes."""

    model_config = ConfigDict(extra="forbid")

    dataset: DatasetName = Field(description="What it holds", examples=["shipments"])
    filename: FileName = Field(
        description="Its name in the raw folder, without path. Made composed Unicode (NFC)",
        examples=["2024-03.ndjson.gz"],
    )
    replace: Flag = Field(False, description="Whether it takes the place of a file of this name with other content")
