"""Upload responses."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.ingestion.file_schemas import File
from logistics_core.database_contract.file_states import FileState


class UploadState(StrEnum):
    """State of an upload: from the disk until the file is in the ledger, then from the ledger."""

    WAITING = "waiting"
    REGISTERED = FileState.REGISTERED.value
    LOADING = FileState.LOADING.value
    LOADED = FileState.LOADED.value
    FAILED = FileState.FAILED.value
    UNLOADED = FileState.UNLOADED.value
    UNRECOGNISED = FileState.UNRECOGNISED.value
    REPLACED = "replaced"
    MISSING = "missing"


class SameContent(BaseModel):
    """Another file with the same bytes."""

    model_config = ConfigDict(extra="forbid")

    file_id: int = Field(description="Its ID in the ledger", examples=[211])
    path: str = Field(description="Its path", examples=["shipments/march.ndjson"])


class UploadAddress(BaseModel):
    """An address to which one file can be sent."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        description="Where the file itself is sent with PUT, without a key. Whoever has the address can send the file",
        examples=["https://fleet-uploads.s3.eu-central-1.amazonaws.com/incoming/shipments/march.csv?X-Amz-Signature=…"],
    )
    headers: dict[str, str] = Field(
        description="Headers that the request must have", examples=[{"x-ms-blob-type": "BlockBlob"}]
    )
    source: str = Field(description="The source whose place takes the file", examples=["lake"])
    path: str = Field(
        description="Path that the file will have in the ledger",
        examples=["s3://fleet-uploads/incoming/shipments/march.csv"],
    )
    dataset: str | None = Field(
        description="Dataset of the file; null if a contract will be proposed for it", examples=["shipments"]
    )
    made_at: datetime = Field(description="When the address was made", examples=["2024-05-01T10:00:00Z"])
    expires_at: datetime = Field(description="Until when it can be used", examples=["2024-05-01T10:15:00Z"])


class Upload(BaseModel):
    """An uploaded file and its state."""

    model_config = ConfigDict(extra="forbid")

    upload_id: str = Field(description="Permanent ID of this upload; not secret", examples=["Qo3rYw9m3mlbIjE3Il0"])
    dataset: str | None = Field(
        description="Dataset of the file; null as long as it belongs to none", examples=["shipments"]
    )
    path: str = Field(
        description="Path in the raw folder and in the ledger",
        examples=["shipments/2024-03.ndjson.gz"],
    )
    size_bytes: int = Field(description="Bytes received", examples=[1_048_576])
    sha256: str = Field(
        description="SHA-256 of the received bytes",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    state: UploadState = Field(
        description="waiting: not yet found by the pipeline. registered, loading, loaded, failed, unloaded, "
        "unrecognised: as in the ledger. replaced: other content replaced it before it was found. missing: it was "
        "removed before it was found",
        examples=["waiting"],
    )
    is_final: bool = Field(description="Whether the state stays the same unless someone intervenes", examples=[False])
    detail: str = Field(
        description="The state in words; for a failed file, the reason", examples=["Waiting to be found."]
    )
    same_content: SameContent | None = Field(
        description="Another loaded file of the dataset with the same bytes: this upload adds no data"
    )
    proposal_request_url: str | None = Field(
        description="Address of the request to propose a contract for the file, which no dataset knew when it was "
        "sent; otherwise null",
        examples=[None],
    )
    proposal_url: str | None = Field(
        description="Address of the proposal; null until it is made, and for a file of a dataset", examples=[None]
    )
    file: File | None = Field(description="Its entry in the ledger; null until the pipeline has found it")
