"""Responses about requests to the pipeline."""

from datetime import datetime
from typing import Any

from pydantic import Field

from logistics_api.file_requests.schemas import RequestState
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.contracts import ContractAction


class ContractRequest(StrictModel):
    """A request to the pipeline about a proposal or a dataset."""

    request_id: int = Field(description="Request ID", examples=[17])
    action: ContractAction = Field(description="What is requested", examples=[ContractAction.ACCEPT])
    proposal_id: str | None = Field(
        description="The proposal that it is about, or that was made; null if there is none (yet)",
        examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"],
    )
    proposal_url: str | None = Field(
        description="Address of that proposal; null without one",
        examples=["/api/contracts/proposals/0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"],
    )
    dataset: str | None = Field(description="The dataset that it is about; null if not known yet", examples=["fuel"])
    path: str | None = Field(
        description="With `propose`: the file, relative to the raw folder; otherwise null",
        examples=["fuel/2024-06.csv"],
    )
    state: RequestState = Field(
        description="`pending`: the pipeline has not served it yet; `done`; `failed`: refused, or failed",
        examples=[RequestState.PENDING],
    )
    is_final: bool = Field(description="Whether the request is served", examples=[False])
    detail: str = Field(
        description="The state in words: what is waited for, what was done, or why it was refused",
        examples=["Waits for the pipeline, which is told at once."],
    )
    result: dict[str, Any] | None = Field(
        description="What was done, for programs: with `accept` the dataset and its `version`; with `dry_run` what the "
        "load would be; null until it is done",
        examples=[{"dataset": "fuel", "version": 1}],
    )
    requested_by: str = Field(description="Name of the API key; `anonymous` without one", examples=["dashboard"])
    requested_at: datetime = Field(
        description="When it was requested, UTC", examples=["2024-04-01T06:00:00.123456+00:00"]
    )
    done_at: datetime | None = Field(description="When it was served, UTC; null while pending", examples=[None])
    status_url: str = Field(description="Address of this request", examples=["/api/contracts/requests/17"])
