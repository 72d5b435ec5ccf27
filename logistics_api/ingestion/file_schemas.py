"""Responses for files and their batches."""

from datetime import datetime

from pydantic import Field

from logistics_api.parameters.cursors import Page
from logistics_api.schemas import StrictModel
from logistics_api.system.schemas import Records
from logistics_core.database_contract.file_requests import FileAction
from logistics_core.database_contract.file_states import FileState


class Progress(StrictModel):
    """Progress of a file that is being loaded."""

    bytes_done: int = Field(description="Decompressed bytes up to the last committed record", examples=[52_428_800])
    bytes_total: int | None = Field(
        description="Total bytes; null for a compressed file, whose decompressed size is unknown",
        examples=[104_857_600],
    )
    fraction: float | None = Field(description="Fraction done, from 0 to 1; null if unknown", examples=[0.5])
    bytes_per_second: float | None = Field(description="Mean over all attempts; null at first", examples=[31_000_000])
    records_per_second: float | None = Field(description="Mean over all attempts; null at first", examples=[250_000])
    seconds_left: float | None = Field(description="Seconds left at this rate; null if unknown", examples=[2])


class File(StrictModel):
    """One registered version of a file. For records with the same key, the higher `file_id` wins."""

    file_id: int = Field(description="File ID, in order of registration", examples=[214])
    dataset: str | None = Field(description="Dataset of the file; null if its path names none", examples=["shipments"])
    path: str = Field(
        description="Relative to the raw folder, or absolute when loaded from elsewhere; special characters are "
        "percent-encoded. Also the name of its Dagster partition",
        examples=["shipments/2024-03-31.ndjson.gz"],
    )
    version: int = Field(description="Version of the content under this path, from 1", examples=[1])
    is_current: bool = Field(description="Whether this is the newest version", examples=[True])
    state: FileState = Field(description="File status", examples=[FileState.LOADED])
    size_bytes: int = Field(description="Bytes on disk", examples=[1_048_576])
    modified_at: datetime = Field(description="Modification time, UTC", examples=["2024-04-01T05:59:00+00:00"])
    content_sha256: str | None = Field(
        description="SHA-256 of the bytes on disk; null until its load has ended", examples=["9f86d081884c7d65"]
    )
    format: str | None = Field(description="File format, detected from the content", examples=["ndjson, gzip"])
    records: Records
    bytes_read: int = Field(description="Decompressed bytes up to the last committed record", examples=[8_388_608])
    unknown_fields: list[str] = Field(description="Fields that are not in the contract", examples=[["colour"]])
    notes: list[str] = Field(
        description="How the file was read where that is not plain, one sentence each, at most 50",
        examples=[["Column `Vehicle ID` read as vehicle_id"]],
    )
    values_cleared: int = Field(
        description="Invalid values of optional fields that were left out of its loaded records; "
        "/api/ingestion/cleared-values lists them",
        examples=[0],
    )
    error: str | None = Field(
        description="Why the file failed or is unrecognised: what happened, where, and what to do", examples=[None]
    )
    warning: str | None = Field(description="Problem that did not stop the load", examples=[None])
    has_warning: bool = Field(
        description="Whether the file is loaded, but with more rejects than LOGISTICS_WARN_REJECTS or with a `warning`",
        examples=[False],
    )
    rejected_share: float = Field(
        description="Rejected share of the records read, from 0 to 1; replayed rejects do not count", examples=[0.0012]
    )
    dismissed_at: datetime | None = Field(
        description="When the failed or unrecognised file was dismissed, or found deleted, UTC; else null",
        examples=[None],
    )
    attempts: int = Field(description="Load attempts that made no progress", examples=[0])
    seconds: float = Field(description="Time spent loading, over all attempts", examples=[1.204])
    run_id: str | None = Field(
        description="Dagster run of the latest load; null for the command line",
        examples=["7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"],
    )
    run_url: str | None = Field(
        description="Link to that run in the Dagster UI",
        examples=["http://127.0.0.1:3000/runs/7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"],
    )
    registered_at: datetime = Field(
        description="When the file was registered, UTC", examples=["2024-04-01T06:00:00+00:00"]
    )
    started_at: datetime | None = Field(
        description="When the load started, UTC", examples=["2024-04-01T06:00:01+00:00"]
    )
    finished_at: datetime | None = Field(
        description="When the load ended, UTC", examples=["2024-04-01T06:00:02.2+00:00"]
    )
    is_reload_due: bool = Field(
        description="Whether rows of a later file were unloaded that may have replaced rows of this one: reloading it "
        "restores them",
        examples=[False],
    )
    retry_requested_at: datetime | None = Field(
        description="When a load was requested that has not started yet, UTC; else null", examples=[None]
    )
    progress: Progress | None = Field(description="Progress of the load; null unless the file is being loaded")


class Files(Page, StrictModel):
    """A page of the ledger, latest registration first."""

    items: list[File]


class Batch(StrictModel):
    """One transaction of a load, a replay or an unload."""

    batch_id: int = Field(description="Batch ID, unique across all files", examples=[9001])
    last_record: int | None = Field(
        description="Number of its last record in the file; null for replays and unloads",
        examples=[100_000],
    )
    records: int = Field(description="Records in the batch", examples=[100_000])
    merged: bool = Field(description="Whether the batch replaced existing keys", examples=[False])
    committed_at: datetime = Field(
        description="When the batch was committed, UTC", examples=["2024-04-01T06:00:02.1+00:00"]
    )
    refreshed_as: int | None = Field(
        description="Data version that first contains it; null until the next refresh", examples=[37]
    )


class Batches(Page, StrictModel):
    """A page of a file's batches, latest first."""

    items: list[Batch]


class BatchesOfFile(StrictModel):
    """The batches of a file. Old batches are combined into one."""

    count: int = Field(description="Number of batches", examples=[3])
    waiting: int = Field(description="Batches not yet in a refresh", examples=[0])
    latest: list[Batch] = Field(max_length=20, description="Latest batches, newest first")


class Drift(StrictModel):
    """Fields that are not in the contract, compared with up to 10 files loaded before it."""

    unknown_fields: list[str] = Field(description="Unknown fields of this file", examples=[["colour"]])
    appeared: list[str] = Field(description="Unknown fields that no earlier file had", examples=[["colour"]])
    vanished: list[str] = Field(
        description="Unknown fields that all earlier files had and this one lacks", examples=[["driver"]]
    )
    files_compared: int = Field(description="Earlier files compared", examples=[10])


class LatestRequest(StrictModel):
    """The latest request to the pipeline about a file."""

    request_id: int = Field(
        description="Request ID; /api/ingestion/file-requests/{request_id} is its state", examples=[17]
    )
    action: FileAction = Field(description="What is requested", examples=[FileAction.RETRY])
    requested_by: str = Field(description="Name of the API key; `anonymous` without one", examples=["dashboard"])
    requested_at: datetime = Field(description="When it was requested, UTC", examples=["2024-04-01T06:00:00+00:00"])
    done_at: datetime | None = Field(description="When it was served, UTC; null while pending", examples=[None])
    outcome: str | None = Field(description="What was done", examples=["It is dismissed."])
    error: str | None = Field(description="Why it was refused or failed", examples=[None])


class FileDetails(File):
    """Details of one version of a file."""

    actions: list[FileAction] = Field(
        description="What can be requested about the file as it is now", examples=[[FileAction.UNLOAD]]
    )
    latest_request: LatestRequest | None = Field(description="The latest request about the file; null if there is none")
    is_balanced: bool = Field(description="Whether read = loaded + superseded + rejected", examples=[True])
    drift: Drift
    batches: BatchesOfFile
