"""The response of the operator's overview."""

from datetime import datetime

from pydantic import Field

from logistics_api.ingestion.file_schemas import File
from logistics_api.schemas import StrictModel
from logistics_api.system.schemas import Records


class FilesOfDataset(StrictModel):
    """Files of a dataset by the state of their newest version."""

    registered: int = Field(description="Found, waiting to be loaded", examples=[2])
    loading: int = Field(description="Being loaded, or interrupted and to be resumed", examples=[1])
    loaded: int = Field(description="Loaded to the end", examples=[214])
    failed: int = Field(description="Given up: the file is at fault", examples=[0])
    unloaded: int = Field(description="Its rows were taken out again on request", examples=[0])


class DatasetStats(StrictModel):
    """What the ledger holds of one dataset."""

    dataset: str = Field(examples=["shipments"])
    files: FilesOfDataset
    records: Records
    bytes: int = Field(description="Bytes on disk of all loaded versions", examples=[104_857_600])


class FailedFile(StrictModel):
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


class FailedFiles(StrictModel):
    """Files whose newest version has failed: nobody asks for them again by itself."""

    count: int = Field(description="How many there are; /api/ingestion/files?state=failed&current=true lists them")
    latest: list[FailedFile] = Field(max_length=10, description="Those that failed last")


class Waiting(StrictModel):
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


class RecentLoads(StrictModel):
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


class LastRun(StrictModel):
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


class AnalyticsState(StrictModel):
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


class IngestionStats(StrictModel):
    """What an operator looks at."""

    datasets: list[DatasetStats] = Field(description="Those that have files, by name")
    unrecognised_files: int = Field(description="Files whose path names no dataset: nobody loads them", examples=[0])
    failed: FailedFiles
    loading: list[File] = Field(max_length=20, description="What is being loaded now")
    waiting: Waiting
    recent_loads: RecentLoads
    last_run: LastRun | None = Field(description="Null where no run of Dagster has loaded a file")
    analytics: AnalyticsState
