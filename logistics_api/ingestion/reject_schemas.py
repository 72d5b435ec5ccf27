"""Responses for rejected records."""

from datetime import datetime

from pydantic import Field

from logistics_api.parameters.cursors import Page
from logistics_api.schemas import StrictModel


class Reject(StrictModel):
    """A rejected record."""

    file_id: int = Field(description="ID of its file", examples=[214])
    path: str = Field(description="Path of the file", examples=["shipments/2024-03-31.ndjson.gz"])
    version: int = Field(description="Version of the file", examples=[1])
    dataset: str | None = Field(description="Dataset of the file", examples=["shipments"])
    record_no: int = Field(description="Record number in the file, from 1", examples=[17])
    byte_offset: int | None = Field(description="Offset in the decompressed content, from 0", examples=[3120])
    field: str | None = Field(
        description="The first field that broke a rule; null if the whole record is invalid", examples=["weight"]
    )
    reason: str = Field(description="Why the record was rejected", examples=["weight must be more than 0, found -3"])
    raw: str = Field(
        description="The beginning of the original record; invalid UTF-8 bytes as \\xNN",
        examples=['{"shipment_id": "S1", "weight": -3}'],
    )
    raw_bytes: int = Field(description="Size of the record in bytes", examples=[35])
    raw_truncated: bool = Field(description="Whether `raw` is truncated", examples=[False])
    rejected_at: datetime = Field(
        description="When the record was rejected, UTC", examples=["2024-04-01T06:00:02.1+00:00"]
    )
    resolved_at: datetime | None = Field(
        description="When a replay accepted it, UTC; null if none has", examples=[None]
    )
    is_mended: bool = Field(description="Whether the accepted record was corrected by hand", examples=[False])


class Rejects(Page, StrictModel):
    """A page of rejected records, by file and record."""

    items: list[Reject]


class FirstReject(StrictModel):
    """First occurrence of a kind of reject."""

    file_id: int = Field(description="ID of its file", examples=[214])
    path: str = Field(description="Path of the file", examples=["shipments/2024-03-31.ndjson.gz"])
    record_no: int = Field(description="Record number in the file, from 1", examples=[17])
    raw: str = Field(description="The beginning of the record", examples=['{"shipment_id": "S1", "weight": -3}'])
    raw_truncated: bool = Field(description="Whether `raw` is truncated", examples=[False])


class RejectKind(StrictModel):
    """Rejects of one dataset with the same reason, regardless of the value found."""

    dataset: str | None = Field(description="Dataset of the records", examples=["shipments"])
    field: str | None = Field(description="The field that broke the rule", examples=["weight"])
    reason: str = Field(description="The broken rule", examples=["weight must be more than 0"])
    count: int = Field(description="Number of records", examples=[12])
    files: int = Field(description="Number of files", examples=[3])
    first: FirstReject


class RejectKinds(StrictModel):
    """Reasons for rejected records, most frequent first."""

    items: list[RejectKind] = Field(max_length=100)
