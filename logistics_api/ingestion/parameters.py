"""Query parameters of the lists of files and rejects."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.types import DatasetName, FileId, Flag, Paging, Text
from logistics_core.database_contract.file_states import FileState


class FileParameters(Paging):
    """Filters of files."""

    state: list[FileState] | None = Field(
        None,
        description="Files in one of these states; may be repeated",
        examples=[[FileState.LOADED, FileState.FAILED]],
    )
    dataset: DatasetName | None = Field(None, description="Files of this dataset", examples=["shipments"])
    path_prefix: Text | None = Field(
        None, description="Files whose path starts with this text", examples=["shipments/2024"]
    )
    current: Flag | None = Field(None, description="true: newest versions only; false: replaced versions only")
    warning: Flag | None = Field(
        None,
        description="true: loaded with more rejects than LOGISTICS_WARN_REJECTS or another problem; false: other files",
    )
    dismissed: Flag | None = Field(
        None, description="true: dismissed files only; false: all others. A failed file is dismissed when it is deleted"
    )


class RejectFilters(BaseModel):
    """Filters of rejected records."""

    model_config = ConfigDict(extra="forbid")

    file_id: FileId | None = Field(None, description="Rejects of this file")
    dataset: DatasetName | None = Field(None, description="Rejects of this dataset", examples=["shipments"])
    resolved: Flag | None = Field(None, description="true: rejects that a replay accepted; false: open rejects")


class RejectParameters(Paging, RejectFilters):
    """Filters and paging of rejected records."""

    field: Text | None = Field(None, description="Rejects that broke a rule of this field", examples=["weight"])
    reason: Text | None = Field(
        None,
        description="Rejects with this reason, regardless of the value found",
        examples=["weight must be more than 0"],
    )
