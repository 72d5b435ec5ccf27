"""The response with ingestion statistics."""

from datetime import datetime

from pydantic import Field

from logistics_api.ingestion.file_schemas import File
from logistics_api.schemas import StrictModel
from logistics_api.system.schemas import Records


class FilesOfDataset(StrictModel):
    """Files of a dataset by the state of their newest version."""

    registered: int = Field(description="Found, waiting to be loaded", examples=[2])
    loading: int = Field(description="Being loaded, or interrupted and to be resumed", examples=[1])
    loaded: int = Field(description="Completely loaded", examples=[214])
    failed: int = Field(description="Failed because of an error in the file", examples=[0])
    unloaded: int = Field(description="Unloaded on request", examples=[0])


class DatasetStats(StrictModel):
    """Ledger totals of one dataset."""

    dataset: str = Field(examples=["shipments"])
    files: FilesOfDataset
    records: Records
    rejected_share: float = Field(description="Rejected share of the records read, from 0 to 1", examples=[0.0012])
    files_with_warning: int = Field(description="Newest versions that are loaded with a warning", examples=[1])
    bytes: int = Field(description="Bytes on disk of all loaded versions", examples=[104_857_600])


class FailedFile(StrictModel):
    """A file that will not load until it is corrected or a retry is requested."""

    file_id: int = Field(examples=[215])
    dataset: str | None = Field(examples=["shipments"])
    path: str = Field(examples=["shipments/2024-04-01.json"])
    version: int = Field(examples=[1])
    error: str | None = Field(
        description="What happened, where, and what to do",
        examples=["The file ends in the middle of a record (at record 4, byte 512)"],
    )
    failed_at: datetime | None = Field(
        description="When the file failed, UTC", examples=["2024-04-01T06:00:02.1+00:00"]
    )


class FailedFiles(StrictModel):
    """Files whose newest version has failed: they are not retried automatically."""

    count: int = Field(description="Number of failed files; /api/ingestion/files?state=failed&current=true lists them")
    latest: list[FailedFile] = Field(max_length=10, description="Latest failures")


class FileWithWarning(StrictModel):
    """A file that is loaded, but with many rejects or another problem."""

    file_id: int = Field(examples=[216])
    dataset: str | None = Field(examples=["shipments"])
    path: str = Field(examples=["shipments/2024-04-02.json"])
    version: int = Field(examples=[1])
    rejected: int = Field(description="Rejected records", examples=[1_200])
    rejected_share: float = Field(description="Their share of the records read, from 0 to 1", examples=[0.12])


class FilesWithWarning(StrictModel):
    """Files whose newest version is loaded with more rejects than LOGISTICS_WARN_REJECTS or with another problem."""

    count: int = Field(description="Number of files; /api/ingestion/files?warning=true&current=true lists them")
    latest: list[FileWithWarning] = Field(max_length=10, description="Those with the most rejects")


class Waiting(StrictModel):
    """Waiting work: files to load and batches to refresh."""

    files: int = Field(description="Files waiting to load: new files and requested retries", examples=[2])
    oldest_registered_at: datetime | None = Field(description="When the oldest started waiting, UTC", examples=[None])
    batches: int = Field(description="Committed batches not yet in the figures", examples=[0])
    oldest_committed_at: datetime | None = Field(
        description="When the oldest of them was committed, UTC", examples=[None]
    )
    seconds: float | None = Field(
        description="How long that batch has waited; null if none is waiting", examples=[None]
    )


class RecentLoads(StrictModel):
    """Speed of the last 100 completed loads."""

    files: int = Field(description="Number of these loads", examples=[100])
    records: int = Field(description="Records in these files", examples=[1_400_000])
    bytes: int = Field(description="Decompressed bytes in these files", examples=[180_000_000])
    seconds: float = Field(description="Total loading time", examples=[7.31])
    records_per_second: float | None = Field(description="Null if nothing was loaded", examples=[191_500])
    bytes_per_second: float | None = Field(description="Null if nothing was loaded", examples=[24_600_000])
    median_seconds: float | None = Field(description="Of one file", examples=[0.05])
    longest_seconds: float | None = Field(description="Of one file", examples=[1.2])
    since: datetime | None = Field(
        description="When the first of these loads ended, UTC", examples=["2024-04-01T06:00:02+00:00"]
    )


class LastRun(StrictModel):
    """The Dagster run that most recently started a load. Files loaded by a later run count towards that run."""

    run_id: str = Field(examples=["7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"])
    run_url: str = Field(examples=["http://127.0.0.1:3000/runs/7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"])
    files: int = Field(description="Files the run started to load", examples=[200])
    loaded: int = Field(description="Files of these that are loaded", examples=[199])
    failed: int = Field(description="Files of these that failed", examples=[1])
    records: int = Field(description="Records read from them", examples=[20_000])
    started_at: datetime | None = Field(
        description="When its first load started, UTC", examples=["2024-04-01T06:00:01+00:00"]
    )
    finished_at: datetime | None = Field(
        description="When its last load ended, UTC; null while a file is loading",
        examples=["2024-04-01T06:00:09+00:00"],
    )


class RecordsOfPulls(StrictModel):
    """Records of recent pulls: pulled = landed + unmapped, once they are complete."""

    pulled: int = Field(description="Records in their pages", examples=[24_000])
    landed: int = Field(description="Records in their files", examples=[23_990])
    unmapped: int = Field(description="Records that could not become records of a dataset", examples=[10])


class RecentPulls(StrictModel):
    """Pulls of sources that ended within the last 24 hours, and what they have cost."""

    complete: int = Field(description="With a file, or with nothing to land", examples=[96])
    unchanged: int = Field(description="Complete, with the records of the pull before", examples=[40])
    failed: int = Field(description="Failed, and not gone on with yet", examples=[1])
    pages: int = Field(examples=[960])
    bytes: int = Field(description="Of the pages, decompressed", examples=[71_000_000])
    requests: int = Field(examples=[975])
    retries: int = Field(description="Requests that were repeated", examples=[15])
    rate_limited: int = Field(description="Responses that asked for slower requests", examples=[2])
    seconds: float = Field(description="Duration of all, waiting included", examples=[310.5])
    seconds_waited: float = Field(description="Of these, waiting for rate limits", examples=[12.0])
    seconds_retrying: float = Field(description="Of these, the cost of retries", examples=[8.4])
    records: RecordsOfPulls
    errors: dict[str, int] = Field(description="Failed pulls by kind of error", examples=[{"server": 1}])


class PullStats(StrictModel):
    """Sources and their pulls. /api/sources has each of them."""

    sources: int = Field(description="Sources with a valid definition", examples=[3])
    problems: int = Field(description="Definition files that cannot be used as they are", examples=[0])
    running: int = Field(description="Pulls that are running now", examples=[1])
    paused: int = Field(description="Pulls whose source has asked to be asked later", examples=[0])
    failing: int = Field(description="Pulls that have failed and are not gone on with yet", examples=[1])
    last_day: RecentPulls
    loaded_from_them: Records = Field(description="What became of the records in the files of these pulls")


class AnalyticsState(StrictModel):
    """Freshness of the figures."""

    is_calculating: bool = Field(description="Whether a refresh is running now", examples=[False])
    last_calculated_at: datetime | None = Field(
        description="When the figures were last published, UTC", examples=["2024-04-01T06:00:12+00:00"]
    )
    seconds: float | None = Field(description="How long that refresh took", examples=[0.214])
    error_message: str | None = Field(description="Why the last refresh failed; null if it did not", examples=[None])
    data_version: int = Field(description="Grows by one whenever the figures change", examples=[37])
    age_seconds: float | None = Field(description="Seconds since the figures were last published", examples=[61.5])
    full_refresh_due: bool = Field(description="Whether the next refresh recomputes every day", examples=[False])


class IngestionStats(StrictModel):
    """Ingestion statistics for operators."""

    datasets: list[DatasetStats] = Field(description="Datasets that have files, by name")
    unrecognised_files: int = Field(description="Files whose path names no dataset; they are not loaded", examples=[0])
    warnings: FilesWithWarning
    failed: FailedFiles
    loading: list[File] = Field(max_length=20, description="Files being loaded")
    waiting: Waiting
    recent_loads: RecentLoads
    last_run: LastRun | None = Field(description="Null if no Dagster run has loaded a file")
    pulls: PullStats
    analytics: AnalyticsState
