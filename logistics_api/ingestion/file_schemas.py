"""Responses about files and their batches."""

from datetime import datetime

from pydantic import Field

from logistics_api.parameters.cursors import Page
from logistics_api.schemas import StrictModel
from logistics_api.system.schemas import Records
from logistics_core.database_contract.file_states import FileState


class Progress(StrictModel):
    """How far a file is that is being loaded now."""

    bytes_done: int = Field(description="Decompressed bytes behind the last committed record", examples=[52_428_800])
    bytes_total: int | None = Field(
        description="Bytes there are; null for a compressed file, whose content nobody has counted yet",
        examples=[104_857_600],
    )
    fraction: float | None = Field(description="Done of total, from 0 to 1; null where it is unknown", examples=[0.5])
    bytes_per_second: float | None = Field(description="Mean over all attempts; null at first", examples=[31_000_000])
    records_per_second: float | None = Field(description="Mean over all attempts; null at first", examples=[250_000])
    seconds_left: float | None = Field(description="At this rate; null where it is unknown", examples=[2])


class File(StrictModel):
    """One registered version of a file. Of two versions with a record of the same key the higher `file_id` wins."""

    file_id: int = Field(description="Its number in the order of registration", examples=[214])
    dataset: str | None = Field(
        description="What it holds; null where its path names no dataset", examples=["shipments"]
    )
    path: str = Field(
        description="Relative to the raw folder, or absolute when loaded from elsewhere; odd characters are "
        "percent-encoded. The name of its partition in Dagster",
        examples=["shipments/2024-03-31.ndjson.gz"],
    )
    version: int = Field(description="How often content was registered under this path", examples=[1])
    is_current: bool = Field(description="Whether this is the newest version", examples=[True])
    state: FileState = Field(description="Where it stands", examples=[FileState.LOADED])
    size_bytes: int = Field(description="Bytes on disk", examples=[1_048_576])
    modified_at: datetime = Field(description="Modification time, UTC", examples=["2024-04-01T05:59:00+00:00"])
    content_sha256: str | None = Field(
        description="Of the bytes on disk; null until its load has come to an end", examples=["9f86d081884c7d65"]
    )
    format: str | None = Field(description="Recognised from the content", examples=["ndjson, gzip"])
    records: Records
    bytes_read: int = Field(description="Decompressed bytes up to the last committed record", examples=[8_388_608])
    unknown_fields: list[str] = Field(description="Fields that the contract does not know", examples=[["colour"]])
    error: str | None = Field(description="Why it is failed or unrecognised: what, where, what to do", examples=[None])
    warning: str | None = Field(description="What went wrong beside the load", examples=[None])
    attempts: int = Field(description="Loads that were begun and got nowhere", examples=[0])
    seconds: float = Field(description="Time spent loading, over all attempts", examples=[1.204])
    run_id: str | None = Field(
        description="Dagster run that loaded it last; null for the command line",
        examples=["7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"],
    )
    run_url: str | None = Field(
        description="That run in the Dagster UI",
        examples=["http://127.0.0.1:3000/runs/7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"],
    )
    registered_at: datetime = Field(description="When it was first seen, UTC", examples=["2024-04-01T06:00:00+00:00"])
    started_at: datetime | None = Field(description="When its load began, UTC", examples=["2024-04-01T06:00:01+00:00"])
    finished_at: datetime | None = Field(description="When it ended, UTC", examples=["2024-04-01T06:00:02.2+00:00"])
    is_reload_due: bool = Field(
        description="Rows of a later file were taken out that may have had this one's keys: loading it again brings "
        "its own back",
        examples=[False],
    )
    retry_requested_at: datetime | None = Field(
        description="When a load was asked for that has not begun yet, UTC", examples=[None]
    )
    progress: Progress | None = Field(description="While it is being loaded, else null")


class Files(Page, StrictModel):
    """A page of the ledger, the file registered last first."""

    items: list[File]


class Batch(StrictModel):
    """One transaction of a load, a replay or an unload."""

    batch_id: int = Field(description="Its number, over all files", examples=[9001])
    last_record: int | None = Field(
        description="Number of its last record in the file; null for a replay, and for what was taken out",
        examples=[100_000],
    )
    records: int = Field(description="Records in it", examples=[100_000])
    merged: bool = Field(description="Whether keys were met that were there before", examples=[False])
    committed_at: datetime = Field(description="UTC", examples=["2024-04-01T06:00:02.1+00:00"])
    refreshed_as: int | None = Field(
        description="Data version that first contains it; null while it waits for a refresh", examples=[37]
    )


class Batches(Page, StrictModel):
    """A page of a file's batches, the last one first."""

    items: list[Batch]


class BatchesOfFile(StrictModel):
    """The batches of a file. Long after their commit they are summed up into one."""

    count: int = Field(description="How many there are", examples=[3])
    waiting: int = Field(description="Of these are in no refresh yet", examples=[0])
    latest: list[Batch] = Field(max_length=20, description="The last ones, the newest first")


class Drift(StrictModel):
    """Fields that the contract does not know, against those of up to 10 files of the dataset loaded before this one."""

    unknown_fields: list[str] = Field(description="Those this file has", examples=[["colour"]])
    appeared: list[str] = Field(description="Of these had none of the files before", examples=[["colour"]])
    vanished: list[str] = Field(description="All files before had them, this one has not", examples=[["driver"]])
    files_compared: int = Field(description="Files before this one that were compared", examples=[10])


class FileDetails(File):
    """All there is to say about one version of a file."""

    is_balanced: bool = Field(description="Whether read = loaded + superseded + rejected", examples=[True])
    drift: Drift
    batches: BatchesOfFile
