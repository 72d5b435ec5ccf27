"""Responses about requests to the pipeline."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from logistics_api.schemas import StrictModel
from logistics_core.database_contract.file_requests import FileAction


class RequestState(StrEnum):
    """How far a request is."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    """It was refused or failed: nothing was changed."""


class FileRequest(StrictModel):
    """A request to the pipeline about a file."""

    request_id: int = Field(description="Request ID", examples=[17])
    action: FileAction = Field(description="What is requested", examples=[FileAction.RETRY])
    file_id: int = Field(description="File ID", examples=[214])
    path: str = Field(description="Path of the file in the ledger", examples=["shipments/2024-03-31.ndjson.gz"])
    state: RequestState = Field(
        description="`pending`: the pipeline has not served it yet; `done`; `failed`: refused, or failed",
        examples=[RequestState.PENDING],
    )
    is_final: bool = Field(description="Whether the request is served", examples=[False])
    detail: str = Field(
        description="The state in words: what is waited for, what was done, or why it was refused",
        examples=["Waits for the pipeline, which looks for requests every few seconds."],
    )
    requested_by: str = Field(description="Name of the API key; `anonymous` without one", examples=["dashboard"])
    requested_at: datetime = Field(
        description="When it was requested, UTC", examples=["2024-04-01T06:00:00.123456+00:00"]
    )
    done_at: datetime | None = Field(description="When it was served, UTC; null while pending", examples=[None])
    status_url: str = Field(description="Address of this request", examples=["/api/ingestion/file-requests/17"])
