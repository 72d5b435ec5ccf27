"""What questions about ingestion answer."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.cursors import Page
from logistics_api.system.schemas import Records
from logistics_core.database_contract.file_states import FileState


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Progress(_Answer):
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


class File(_Answer):
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


class Files(Page, _Answer):
    """A page of the ledger, the file registered last first."""

    items: list[File]


class Batch(_Answer):
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


class Batches(Page, _Answer):
    """A page of a file's batches, the last one first."""

    items: list[Batch]


class BatchesOfFile(_Answer):
    """The batches of a file. Long after their commit they are summed up into one."""

    count: int = Field(description="How many there are", examples=[3])
    waiting: int = Field(description="Of these are in no refresh yet", examples=[0])
    latest: list[Batch] = Field(max_length=20, description="The last ones, the newest first")


class Drift(_Answer):
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


class Reject(_Answer):
    """One record that broke a rule."""

    file_id: int = Field(description="The file it stood in", examples=[214])
    path: str = Field(description="That file's path", examples=["shipments/2024-03-31.ndjson.gz"])
    version: int = Field(description="That file's version", examples=[1])
    dataset: str | None = Field(description="What the file holds", examples=["shipments"])
    record_no: int = Field(description="Its number in the file, from 1", examples=[17])
    byte_offset: int | None = Field(description="Where it starts in the decompressed content, from 0", examples=[3120])
    field: str | None = Field(
        description="The first field that broke a rule; null when the record as a whole did", examples=["weight"]
    )
    reason: str = Field(description="What is wrong", examples=["weight must be more than 0, found -3"])
    raw: str = Field(
        description="The beginning of the record as it stood in the file; bytes that are not UTF-8 as \\xNN",
        examples=['{"shipment_id": "S1", "weight": -3}'],
    )
    raw_bytes: int = Field(description="How many bytes the record has", examples=[35])
    raw_truncated: bool = Field(description="Whether `raw` is only its beginning", examples=[False])
    rejected_at: datetime = Field(description="UTC", examples=["2024-04-01T06:00:02.1+00:00"])
    resolved_at: datetime | None = Field(
        description="When a replay accepted it, UTC; null if none has", examples=[None]
    )
    is_mended: bool = Field(description="Whether it was mended by hand for that", examples=[False])


class Rejects(Page, _Answer):
    """A page of rejected records, by file and record."""

    items: list[Reject]


class FirstReject(_Answer):
    """Where a kind of reject was met first."""

    file_id: int = Field(description="The file it stood in", examples=[214])
    path: str = Field(description="That file's path", examples=["shipments/2024-03-31.ndjson.gz"])
    record_no: int = Field(description="Its number in the file, from 1", examples=[17])
    raw: str = Field(description="The beginning of the record", examples=['{"shipment_id": "S1", "weight": -3}'])
    raw_truncated: bool = Field(description="Whether `raw` is only its beginning", examples=[False])


class RejectKind(_Answer):
    """Rejects of one dataset with the same thing wrong with them, whatever the value that was found."""

    dataset: str | None = Field(description="What their files hold", examples=["shipments"])
    field: str | None = Field(description="The field that broke the rule", examples=["weight"])
    reason: str = Field(description="Which rule", examples=["weight must be more than 0"])
    count: int = Field(description="How many records", examples=[12])
    files: int = Field(description="In how many files", examples=[3])
    first: FirstReject


class RejectKinds(_Answer):
    """Why records were rejected, the commonest reason first."""

    items: list[RejectKind] = Field(max_length=100)


class FilesOfDataset(_Answer):
    """Files of a dataset by the state of their newest version."""

    registered: int = Field(description="Found, waiting to be loaded", examples=[2])
    loading: int = Field(description="Being loaded, or interrupted and to be resumed", examples=[1])
    loaded: int = Field(description="Loaded to the end", examples=[214])
    failed: int = Field(description="Given up: the file is at fault", examples=[0])
    unloaded: int = Field(description="Its rows were taken out again on request", examples=[0])


class DatasetStats(_Answer):
    """What the ledger holds of one dataset."""

    dataset: str = Field(examples=["shipments"])
    files: FilesOfDataset
    records: Records
    bytes: int = Field(description="Bytes on disk of all loaded versions", examples=[104_857_600])


class FailedFile(_Answer):
    """A file that will not be loaded before it is mended or asked for."""

    file_id: int = Field(examples=[215])
    dataset: str | None = Field(examples=["shipments"])
    path: str = Field(examples=["shipments/2024-04-01.json"])
    version: int = Field(examples=[1])
    error: str | None = Field(
        description="What happened, where, and what to do",
        examples=["The file ends in the middle of a record (at record 4, byte 512)"],
    )
    failed_at: datetime | None = Field(description="UTC", examples=["2024-04-01T06:00:02.1+00:00"])


class FailedFiles(_Answer):
    """Files whose newest version has failed: nobody asks for them again by itself."""

    count: int = Field(description="How many there are; /api/ingestion/files?state=failed&current=true lists them")
    latest: list[FailedFile] = Field(max_length=10, description="Those that failed last")


class Waiting(_Answer):
    """What is on its way: files into the raw tables, batches into the figures."""

    files: int = Field(description="Files that wait for a load: new ones, and those somebody asked for", examples=[2])
    oldest_registered_at: datetime | None = Field(
        description="Since when the first of them waits, UTC", examples=[None]
    )
    batches: int = Field(description="Committed batches that are in no figure yet", examples=[0])
    oldest_committed_at: datetime | None = Field(
        description="When the first of them was committed, UTC", examples=[None]
    )
    seconds: float | None = Field(description="How long that one has waited; null where none does", examples=[None])


class RecentLoads(_Answer):
    """How fast the last 100 loads that came to their end were."""

    files: int = Field(description="How many these are", examples=[100])
    records: int = Field(description="Records in them", examples=[1_400_000])
    bytes: int = Field(description="Decompressed bytes in them", examples=[180_000_000])
    seconds: float = Field(description="Time spent on them, added up", examples=[7.31])
    records_per_second: float | None = Field(description="Null where nothing was loaded", examples=[191_500])
    bytes_per_second: float | None = Field(description="Null where nothing was loaded", examples=[24_600_000])
    median_seconds: float | None = Field(description="Of one file", examples=[0.05])
    longest_seconds: float | None = Field(description="Of one file", examples=[1.2])
    since: datetime | None = Field(
        description="When the first of them ended, UTC", examples=["2024-04-01T06:00:02+00:00"]
    )


class LastRun(_Answer):
    """The Dagster run that began to load a file last; files that another run has loaded since count there."""

    run_id: str = Field(examples=["7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"])
    run_url: str = Field(examples=["http://127.0.0.1:3000/runs/7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"])
    files: int = Field(description="Files it has begun", examples=[200])
    loaded: int = Field(description="Of these are loaded", examples=[199])
    failed: int = Field(description="Of these have failed", examples=[1])
    records: int = Field(description="Records read from them", examples=[20_000])
    started_at: datetime | None = Field(
        description="When it began the first, UTC", examples=["2024-04-01T06:00:01+00:00"]
    )
    finished_at: datetime | None = Field(
        description="When the last of them ended, UTC; null while one is being loaded",
        examples=["2024-04-01T06:00:09+00:00"],
    )


class AnalyticsState(_Answer):
    """How fresh the figures are."""

    is_calculating: bool = Field(description="Whether a refresh is running now", examples=[False])
    last_calculated_at: datetime | None = Field(
        description="When the figures were last published, UTC", examples=["2024-04-01T06:00:12+00:00"]
    )
    seconds: float | None = Field(description="How long that refresh took", examples=[0.214])
    error_message: str | None = Field(description="Why the last refresh failed; null if it did not", examples=[None])
    data_version: int = Field(description="Grows by one whenever the figures change", examples=[37])
    age_seconds: float | None = Field(description="Since the figures were last published", examples=[61.5])
    full_refresh_due: bool = Field(description="Whether the next refresh computes every day", examples=[False])


class IngestionStats(_Answer):
    """What an operator looks at."""

    datasets: list[DatasetStats] = Field(description="Those that have files, by name")
    unrecognised_files: int = Field(description="Files whose path names no dataset: nobody loads them", examples=[0])
    failed: FailedFiles
    loading: list[File] = Field(max_length=20, description="What is being loaded now")
    waiting: Waiting
    recent_loads: RecentLoads
    last_run: LastRun | None = Field(description="Null where no run of Dagster has loaded a file")
    analytics: AnalyticsState
