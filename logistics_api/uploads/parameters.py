"""Query parameters of an upload."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.types import DatasetName, Flag
from logistics_api.uploads.names import FileName


class Destination(BaseModel):
    """Destination of an uploaded file."""

    model_config = ConfigDict(extra="forbid")

    dataset: DatasetName | None = Field(
        None,
        description="Dataset of the file. Without it, the name of the folder or of the file decides; for a file whose "
        "name belongs to no dataset, a contract of a new one is proposed",
        examples=["shipments"],
    )
    filename: FileName = Field(
        description="File name in the raw folder, without a path. Normalised to composed Unicode (NFC)",
        examples=["2024-03.ndjson.gz"],
    )
    folder: DatasetName | None = Field(
        None,
        description="Instead of `dataset`: folder of the raw folder for the file, after which a new dataset is named",
        examples=[None],
    )
    replace: Flag = Field(False, description="Whether to replace a file that has this name and other content")


class AddressParameters(Destination):
    """Destination and size of a file that is sent to a bucket."""

    size_bytes: int = Field(
        ge=1, le=1 << 50, description="Bytes of the file: the store takes no other size", examples=[1_048_576]
    )
