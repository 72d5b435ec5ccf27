"""Values that were left out of loaded records: the query, the response, the query parameters."""

from collections.abc import Collection

from pydantic import Field

from logistics_api.ingestion.filters import where
from logistics_api.parameters.cursors import Page
from logistics_api.parameters.types import DatasetName, FileId, Paging, Text
from logistics_api.schemas import StrictModel

_FILTERS = {
    "file_id": "value.file_id = %(file_id)s",
    "dataset": "file.dataset = %(dataset)s",
    "field": "value.field = %(field)s",
    "after": "(value.file_id, value.record_no, value.field) > (%(after_file)s, %(after_record)s, %(after_field)s)",
}


def cleared_values(given: Collection[str]) -> str:
    """Builds the query for a page of cleared values, by file, record and field.

    One row per value; of the raw value only the beginning. Reads ingest.cleared_values, ingest.files.
    """
    return f"""
SELECT
    value.file_id,
    file.path,
    file.version,
    file.dataset,
    value.record_no,
    value.field,
    value.reason,
    substring(value.raw FOR %(raw_bytes)s) AS raw,
    octet_length(value.raw) AS raw_bytes
FROM ingest.cleared_values AS value
JOIN ingest.files AS file USING (file_id)
{where(_FILTERS, given)}
ORDER BY value.file_id, value.record_no, value.field
LIMIT %(limit)s + 1
"""


class ClearedValueParameters(Paging):
    """Filters and paging of cleared values."""

    file_id: FileId | None = Field(None, description="Values in this file")
    dataset: DatasetName | None = Field(None, description="Values in this dataset", examples=["shipments"])
    field: Text | None = Field(None, description="Values of this field", examples=["cost"])


class ClearedValue(StrictModel):
    """An invalid value of an optional field, in a record that was loaded without it."""

    file_id: int = Field(description="ID of its file", examples=[214])
    path: str = Field(description="Path of the file", examples=["shipments/2024-03-31.ndjson.gz"])
    version: int = Field(description="Version of the file", examples=[1])
    dataset: str | None = Field(description="Dataset of the file", examples=["shipments"])
    record_no: int = Field(description="Record number in the file, from 1", examples=[17])
    field: str = Field(description="The field", examples=["cost"])
    reason: str = Field(
        description="The broken rule and the value found",
        examples=['cost must be a number, found the text "included"'],
    )
    raw: str = Field(
        description="The beginning of the value as it was delivered: a text as it is, anything else as JSON",
        examples=["included"],
    )
    raw_bytes: int = Field(description="Size of the value in bytes", examples=[8])
    raw_truncated: bool = Field(description="Whether `raw` is truncated", examples=[False])


class ClearedValues(Page, StrictModel):
    """A page of cleared values, by file, record and field."""

    items: list[ClearedValue]
