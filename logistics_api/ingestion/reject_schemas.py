"""Responses about rejected records."""

from datetime import datetime

from pydantic import Field

from logistics_api.parameters.cursors import Page
from logistics_api.schemas import StrictModel


class Reject(StrictModel):
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


class Rejects(Page, StrictModel):
    """A page of rejected records, by file and record."""

    items: list[Reject]


class FirstReject(StrictModel):
    """Where a kind of reject was met first."""

    file_id: int = Field(description="The file it stood in", examples=[214])
    path: str = Field(description="That file's path", examples=["shipments/2024-03-31.ndjson.gz"])
    record_no: int = Field(description="Its number in the file, from 1", examples=[17])
    raw: str = Field(description="The beginning of the record", examples=['{"shipment_id": "S1", "weight": -3}'])
    raw_truncated: bool = Field(description="Whether `raw` is only its beginning", examples=[False])


class RejectKind(StrictModel):
    """Rejects of one dataset with the same thing wrong with them, whatever the value that was found."""

    dataset: str | None = Field(description="What their files hold", examples=["shipments"])
    field: str | None = Field(description="The field that broke the rule", examples=["weight"])
    reason: str = Field(description="Which rule", examples=["weight must be more than 0"])
    count: int = Field(description="How many records", examples=[12])
    files: int = Field(description="In how many files", examples=[3])
    first: FirstReject


class RejectKinds(StrictModel):
    """Why records were rejected, the commonest reason first."""

    items: list[RejectKind] = Field(max_length=100)
