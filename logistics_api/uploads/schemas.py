"""Responses about uploads."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.ingestion.file_schemas import File
from logistics_core.database_contract.file_states import FileState


class UploadState(StrEnum):
    """What became of an upload: on disk before the ledger knows the file, afterwards as in the ledger."""

    WAITING = "waiting"
    REGISTERED = FileState.REGISTERED.value
    LOADING = FileState.LOADING.value
    LOADED = FileState.LOADED.value
    FAILED = FileState.FAILED.value
    UNLOADED = FileState.UNLOADED.value
    REPLACED = "replaced"
    MISSING = "missing"


class SameContent(BaseModel):
    """Another file with the same bytes."""

    model_config = ConfigDict(extra="forbid")

    file_id: int = Field(description="Its number in the ledger", examples=[211])
    path: str = Field(description="Its path", examples=["shipments/march.ndjson"])


class Upload(BaseModel):
    """A file that was uploaded, and what has become of it."""

    model_config = ConfigDict(extra="forbid")

    upload_id: str = Field(description="Names this upload for ever; not secret", examples=["Qo3rYw9m3mlbIjE3Il0"])
    dataset: str = Field(description="What it holds", examples=["shipments"])
    path: str = Field(
        description="Where it stands in the raw folder; its path in the ledger",
        examples=["shipments/2024-03.ndjson.gz"],
    )
    size_bytes: int = Field(description="Bytes that were received", examples=[1_048_576])
    sha256: str = Field(
        description="Of these bytes", examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
    )
    state: UploadState = Field(
        description="waiting: not seen by the pipeline yet. registered, loading, loaded, failed, unloaded: as in the "
        "ledger. replaced: other content took its name before it was seen. missing: it was removed before that",
        examples=["waiting"],
    )
    is_final: bool = Field(description="Whether it stays so unless somebody does something", examples=[False])
    detail: str = Field(description="The state in words; of a failed file, why", examples=["Waits to be found."])
    same_content: SameContent | None = Field(
        description="Another file of the dataset with the same bytes that is loaded: this one brings nothing new"
    )
    file: File | None = Field(description="Its entry in the ledger; null until the pipeline has seen it")
