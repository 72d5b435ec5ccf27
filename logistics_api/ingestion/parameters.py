"""Query parameters of the lists of files and rejects."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.types import DatasetName, FileId, Flag, Paging, Text
from logistics_core.database_contract.file_states import FileState


class FileParameters(Paging):
    """Which files."""

    state: list[FileState] | None = Field(
        None, description="In one of these states; may be repeated", examples=[[FileState.LOADED, FileState.FAILED]]
    )
    dataset: DatasetName | None = Field(None, description="Of this dataset", examples=["shipments"])
    path_prefix: Text | None = Field(None, description="Whose path begins so", examples=["shipments/2024"])
    current: Flag | None = Field(None, description="true: newest versions only; false: only those that were replaced")


class RejectFilters(BaseModel):
    """Which rejects."""

    model_config = ConfigDict(extra="forbid")

    file_id: FileId | None = Field(None, description="Of this file")
    dataset: DatasetName | None = Field(None, description="Of files of this dataset", examples=["shipments"])
    resolved: Flag | None = Field(None, description="true: those a replay has accepted; false: those that still stand")


class RejectParameters(Paging, RejectFilters):
    """Which rejects, page by page."""

    field: Text | None = Field(None, description="That broke a rule of this field", examples=["weight"])
    reason: Text | None = Field(
        None,
        description="For this reason; the value that was found does not matter",
        examples=["weight must be more than 0"],
    )
