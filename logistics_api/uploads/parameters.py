"""Query parameters of an upload."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.types import DatasetName, Flag
from logistics_api.uploads.names import FileName


class Destination(BaseModel):
    """Destination of an uploaded file."""

    model_config = ConfigDict(extra="forbid")

    dataset: DatasetName = Field(description="Dataset of the file", examples=["shipments"])
    filename: FileName = Field(
        description="File name in the raw folder, without a path. Normalised to composed Unicode (NFC)",
        examples=["2024-03.ndjson.gz"],
    )
    replace: Flag = Field(False, description="Whether to replace a file that has this name and other content")
