"""Responses about the system."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.date_range import FutureDays


class Health(BaseModel):
    """The process is running."""

    status: Literal["ok"] = Field(description="Always `ok`: a process that is not running does not respond")


class Readiness(BaseModel):
    """The API can serve requests."""

    status: Literal["ready"] = Field(
        description="Always `ready`: otherwise the response is a 503 problem that gives the reason"
    )
    schema_version: str = Field(description="Version of the database's schema", examples=["0001"])


class FilesByState(BaseModel):
    """Files by the state of their latest version."""

    model_config = ConfigDict(extra="forbid")

    registered: int = Field(description="Found, waiting to be loaded", examples=[2])
    loading: int = Field(description="Being loaded, or interrupted and to be resumed", examples=[1])
    loaded: int = Field(description="Loaded completely", examples=[214])
    failed: int = Field(description="Failed because of an error in the file", examples=[0])
    unrecognised: int = Field(description="Belongs to no dataset", examples=[1])
    unloaded: int = Field(description="Its rows were removed on request", examples=[0])


class Records(BaseModel):
    """Records over all files ever registered: read = loaded + superseded + rejected."""

    model_config = ConfigDict(extra="forbid")

    read: int = Field(description="Records found in files", examples=[1_000_000])
    loaded: int = Field(description="Rows now in the raw tables", examples=[998_700])
    superseded: int = Field(description="Records replaced by a later record with the same key", examples=[1_200])
    rejected: int = Field(description="Records that broke a rule", examples=[100])


class SystemStatus(BaseModel):
    """The state of the figures, and of data not yet included in them."""

    model_config = ConfigDict(extra="forbid")

    is_calculating: bool = Field(description="Whether a refresh of the analytics is running now", examples=[False])
    started_calculating_at: datetime | None = Field(
        description="When the running refresh started, UTC; null if none is running", examples=[None]
    )
    last_calculated_at: datetime | None = Field(
        description="When the figures were last published, UTC; null before the first time",
        examples=["2024-04-01T06:00:02.113+00:00"],
    )
    error_message: str | None = Field(description="Why the last refresh failed; null if it did not", examples=[None])
    data_version: int = Field(description="Increases by one whenever the figures change", examples=[37])
    unassigned_shipments: int = Field(
        description="Shipments whose log has not arrived yet; not included in figures by date", examples=[12]
    )
    awaited_dataset: str | None = Field(
        description="The dataset that these shipments wait for; null if none waits", examples=["vehicle_logs"]
    )
    first_day: date | None = Field(description="First day that has a log; null without logs", examples=["2022-01-01"])
    last_day: date | None = Field(
        description="Last day that has a log and is not in the future; null without logs", examples=["2024-03-31"]
    )
    future_days: FutureDays
    files: FilesByState
    files_with_warning: int = Field(
        description="Files that are loaded with more rejects than LOGISTICS_WARN_REJECTS or with another problem",
        examples=[1],
    )
    records: Records
    rejected_share: float = Field(description="Rejected share of all records read, from 0 to 1", examples=[0.0001])
    open_incidents: int = Field(description="Incidents of alerts that are open, but for those of severity info")
    open_proposals: int = Field(description="Proposals of contracts that wait for a decision", examples=[1])
    contracts_problem: str | None = Field(
        description="Why this process of the API does not serve the contracts that are in force, but those from "
        "before; null if it does",
        examples=[None],
    )
