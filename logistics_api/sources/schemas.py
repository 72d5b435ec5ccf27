"""Responses about sources."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from logistics_api.file_requests.schemas import RequestState
from logistics_api.parameters.cursors import Page
from logistics_api.schemas import StrictModel
from logistics_api.system.schemas import Records
from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.pull_states import PullState


class SourceKind(StrEnum):
    """What a source is."""

    REST = "rest"
    FILES = "files"


class ResourceState(StrEnum):
    """How a resource is doing, by its newest pull."""

    NEVER = "never"
    """It was never pulled."""
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """The process that pulled it has died: the next run goes on with its pull."""
    CURRENT = "current"
    """Its newest pull has read all that there was."""
    FAILED = "failed"
    PAUSED = "paused"
    """The source has asked to be asked later."""


class PulledRecords(StrictModel):
    """What became of the records in the pages of a pull: read = landed + unmapped, once it is complete."""

    read: int = Field(description="Records in its pages", examples=[1200])
    landed: int | None = Field(description="Records in its file; null until it is complete", examples=[1199])
    unmapped: int | None = Field(
        description="Records that could not become records of the dataset; null until it is complete", examples=[1]
    )
    vanished: int | None = Field(
        description="Of a snapshot: keys of the one before that it does not have", examples=[None]
    )
    expected: int | None = Field(description="Total that the source named at the end", examples=[1200])


class LandedFile(StrictModel):
    """The file that a pull has put into the raw folder, as the ledger has it."""

    path: str = Field(examples=["trips/fleet/trips/17.ndjson.zst"])
    file_id: int | None = Field(description="File ID; null until Dagster has found the file", examples=[214])
    state: FileState | None = Field(description="File status; null until then", examples=[FileState.LOADED])
    records: Records | None = Field(description="What became of its records; null until then")


class Pull(StrictModel):
    """A pull of one resource, however often it was attempted."""

    pull_id: int = Field(examples=[17])
    source: str = Field(examples=["fleet"])
    resource: str = Field(examples=["trips"])
    dataset: str | None = Field(
        description="Dataset of its file; null if its records are only what other resources are asked about",
        examples=["vehicle_logs"],
    )
    mode: str = Field(description="`changes`, `snapshot` or `append`", examples=["changes"])
    is_backfill: bool = Field(description="Whether it filled a gap, outside the course of pulls", examples=[False])
    state: PullState = Field(
        description="`unchanged`: complete, and nothing was landed, as its records are those of the pull before; "
        "`failed` and `paused`: the next run goes on at its page; `abandoned`: replaced by one with another definition",
        examples=[PullState.COMPLETE],
    )
    window_start: datetime | None = Field(
        description="Records changed since then were asked for, UTC; null: all", examples=["2024-04-01T05:00:00+00:00"]
    )
    window_end: datetime | None = Field(
        description="Until then, by the clock of the server, UTC", examples=["2024-04-01T06:00:00+00:00"]
    )
    attempts: int = Field(description="Times that it was begun or gone on with", examples=[1])
    started_at: datetime = Field(description="UTC", examples=["2024-04-01T06:00:01+00:00"])
    attempted_at: datetime = Field(
        description="When its last attempt began, UTC", examples=["2024-04-01T06:00:01+00:00"]
    )
    finished_at: datetime | None = Field(description="UTC", examples=["2024-04-01T06:00:04+00:00"])
    paused_until: datetime | None = Field(description="When the source may be asked again, UTC", examples=[None])
    pages: int = Field(description="Pages in the archive", examples=[12])
    records: PulledRecords
    unmapped: dict[str, int] | None = Field(
        description="Number of records that were not mapped, by reason", examples=[{"tripId is missing": 1}]
    )
    requests: int = Field(description="Requests sent, repeated ones included", examples=[13])
    retries: int = Field(description="Requests that were repeated", examples=[1])
    rate_limited: int = Field(description="Responses that asked for slower requests", examples=[0])
    bytes: int = Field(description="Bytes of its pages, decompressed", examples=[845_221])
    seconds: float = Field(description="Of all attempts, waiting included", examples=[3.2])
    seconds_waited: float = Field(description="Of them, spent waiting for rate limits", examples=[0.4])
    seconds_retrying: float = Field(
        description="Of them, spent in requests that failed and the pauses after them", examples=[0.9]
    )
    newest_record_at: datetime | None = Field(
        description="Newest time of a record, UTC: how far the data reach", examples=["2024-04-01T05:58:12+00:00"]
    )
    lag_seconds: float | None = Field(
        description="Age of the newest record when the pull ended; null if records have no time", examples=[112.4]
    )
    warnings: list[str] = Field(description="What is unusual about it, one sentence each", examples=[[]])
    error_kind: str | None = Field(description="Kind of its last error, in a word", examples=[None])
    error: str | None = Field(description="What went wrong and where, in a sentence", examples=[None])
    advice: str | None = Field(description="What to do about it", examples=[None])
    file: LandedFile | None = Field(description="The file that it has landed; null if it has landed none")
    remapped_at: datetime | None = Field(
        description="When its file was made anew from the archive, without a request, UTC", examples=[None]
    )
    run_id: str | None = Field(
        description="Dagster run of its last attempt; null for the command line",
        examples=["7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"],
    )
    run_url: str | None = Field(examples=["http://127.0.0.1:3000/runs/7d1f5a2c-2a58-4f0d-9c8e-0d5a4f1f6b7e"])


class Pulls(Page):
    """A page of pulls, newest first."""

    items: list[Pull]


class PullPage(StrictModel):
    """A page that a pull has fetched, as it is described beside the archive."""

    part: int = Field(description="Which walk through pages: one per window and parent, from 0", examples=[0])
    number: int = Field(description="Number within its part, from 1", examples=[1])
    parent: str | None = Field(description="Value of the parent that was asked about", examples=[None])
    method: str = Field(examples=["GET"])
    url: str = Field(description="Without secrets", examples=["https://api.example.com/v1/trips?cursor=abc"])
    status: int = Field(examples=[200])
    headers: dict[str, Any] = Field(
        description="Of the response, without secrets", examples=[{"content-type": "application/json"}]
    )
    received_at: datetime = Field(description="UTC", examples=["2024-04-01T06:00:02+00:00"])
    seconds: float = Field(description="From the request to the last byte", examples=[0.21])
    attempts: int = Field(description="Requests it took", examples=[1])
    bytes: int = Field(description="Bytes of its body, decompressed", examples=[70_435])
    sha256: str = Field(description="Of its body as received: its name in the archive", examples=["9f86d081884c7d65"])
    records: int = Field(examples=[100])
    first_record: int | None = Field(
        description="Number of its first record within the pull, from 1; null until the pull is complete", examples=[1]
    )
    total: int | None = Field(description="Number of records that the page says there are", examples=[1200])


class PullPages(Page):
    """A pull, and a page of its pages in the order in which they were fetched."""

    pull: Pull
    items: list[PullPage]


class PullTotals(StrictModel):
    """Sums over all pulls of a resource, also those that housekeeping has deleted."""

    complete: int = Field(description="Pulls that landed a file, or had none to land", examples=[960])
    unchanged: int = Field(description="Complete pulls whose records were those of the pull before", examples=[410])
    failures: int = Field(description="Times that a pull has failed; one may fail more than once", examples=[3])
    failures_by_kind: dict[str, int] = Field(
        description="Failures by kind of error; these stay when a pull has gone on and succeeded",
        examples=[{"authentication": 1, "timeout": 2}],
    )
    pages: int = Field(examples=[11_520])
    records: int = Field(description="Records in these pages", examples=[1_152_000])
    requests: int = Field(examples=[11_602])
    retries: int = Field(examples=[82])
    rate_limited: int = Field(examples=[14])
    bytes: int = Field(examples=[811_000_000])


class PullRequest(StrictModel):
    """A request to the pipeline to pull a source now."""

    request_id: int = Field(description="Request ID", examples=[17])
    source: str = Field(examples=["fleet"])
    resource: str | None = Field(description="The one resource that is meant; null: all", examples=["trips"])
    state: RequestState = Field(
        description="`pending`: Dagster has not begun yet; `done`: the pull has begun; `failed`: refused",
        examples=[RequestState.PENDING],
    )
    is_final: bool = Field(description="Whether the request is served", examples=[False])
    detail: str = Field(
        description="The state in words: what is waited for, what was begun, or why it was refused",
        examples=["Waits for Dagster, which looks for requests every few seconds."],
    )
    requested_by: str = Field(description="Name of the API key; `anonymous` without one", examples=["dashboard"])
    requested_at: datetime = Field(
        description="When it was requested, UTC", examples=["2024-04-01T06:00:00.123456+00:00"]
    )
    done_at: datetime | None = Field(description="When it was served, UTC; null while pending", examples=[None])
    status_url: str = Field(description="Address of this request", examples=["/api/sources/fleet/requests/17"])


class PendingPull(StrictModel):
    """A request that waits for Dagster."""

    request_id: int = Field(examples=[17])
    requested_by: str = Field(examples=["dashboard"])
    requested_at: datetime = Field(examples=["2024-04-01T06:00:00.123456+00:00"])


class SourceResource(StrictModel):
    """A resource of a source, and how its pulls are doing."""

    resource: str = Field(examples=["trips"])
    title: str = Field(description="Its title; its name if it has none", examples=["Trips"])
    dataset: str | None = Field(description="Dataset that its records go to", examples=["vehicle_logs"])
    path: str = Field(description="What is asked for, below the base URL", examples=["/vehicles/{vehicle}/trips"])
    parent: str | None = Field(description="The resource whose records it is asked about", examples=["vehicles"])
    mode: str = Field(description="`changes`, `snapshot` or `append`", examples=["changes"])
    schedule: str | None = Field(
        description="When it is pulled: `every` some time, or a cron expression in UTC; null: on request",
        examples=["every 15m"],
    )
    state: ResourceState = Field(
        description="By its newest pull; `current`: that has read all there was", examples=[ResourceState.CURRENT]
    )
    next_pull_at: datetime | None = Field(
        description="When it is pulled next, UTC; null: on request, or not known yet",
        examples=["2024-04-01T06:15:00+00:00"],
    )
    last_success_at: datetime | None = Field(
        description="When a pull last read all that there was, UTC", examples=["2024-04-01T06:00:04+00:00"]
    )
    behind_seconds: float | None = Field(
        description="How far what was pulled may be behind the source: seconds since the moment up to which everything "
        "was read; null before the first success",
        examples=[311.5],
    )
    newest_record_at: datetime | None = Field(
        description="Newest time of a record in that pull, UTC", examples=["2024-04-01T05:58:12+00:00"]
    )
    totals: PullTotals
    latest_pull: Pull | None = Field(description="Its newest pull; null before the first")
    pending_request: PendingPull | None = Field(description="A request about it, or about all of its source")


class Place(StrictModel):
    """What the file sensor has seen of a place of files."""

    looked_at: datetime | None = Field(
        description="When the last whole look at it ended, UTC; null before the first",
        examples=["2024-04-01T05:58:12+00:00"],
    )
    next_look_at: datetime | None = Field(
        description="When the next one is due, UTC, unless somebody asks for one",
        examples=["2024-04-01T06:00:12+00:00"],
    )
    files: int | None = Field(description="How many files that look has found", examples=[1208])
    error: str | None = Field(
        description="Why the last attempt failed, and what to do; null if it did not", examples=[None]
    )
    failing_since: datetime | None = Field(description="Since when every attempt has failed, UTC", examples=[None])


class SourceSummary(StrictModel):
    """A source, its resources and how their pulls are doing."""

    source: str = Field(description="Its name, that of its definition file", examples=["fleet"])
    kind: SourceKind | None = Field(
        description="`rest`: an API that is pulled; `files`: a place whose files are loaded; null if its definition "
        "was never valid",
        examples=[SourceKind.REST],
    )
    title: str = Field(description="Its title; its name if it has none", examples=["Fleet management"])
    description: str = Field(examples=["Trips and vehicles of the fleet system"])
    url: str | None = Field(description="Where it is", examples=["https://api.example.com/v1"])
    is_in_force: bool = Field(
        description="Whether it is pulled: there is a definition file, and one that was valid", examples=[True]
    )
    problem: str | None = Field(
        description="Why its definition file cannot be used as it is now, where, and what is expected; a definition "
        "that was valid before stays in force",
        examples=[None],
    )
    read_at: datetime = Field(
        description="When its definition file was read, UTC", examples=["2024-04-01T05:00:00+00:00"]
    )
    resources: list[SourceResource] = Field(description="Those of its definition, in that order")
    place: Place | None = Field(description="Of a place of files: what was seen of it; null before the first look")


class Sources(StrictModel):
    """All sources that have a definition file."""

    sources: list[SourceSummary] = Field(description="By name")


class SourceDetails(SourceSummary):
    """A source with its definition."""

    sha256: str | None = Field(description="Of the definition file that is in force", examples=["9f86d081884c7d65"])
    definition: dict[str, Any] | None = Field(
        description="The definition in force, which holds references to secrets and never their values; null if it "
        "was never valid",
        examples=[{"kind": "rest", "baseUrl": "https://api.example.com/v1"}],
    )
