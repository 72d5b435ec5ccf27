"""Query parameters of exports: the filters of pages, and how the file ends."""

from functools import cache
from typing import Literal

from pydantic import Field, create_model

from logistics_api.parameters.types import Flag
from logistics_api.rows.filters import RowFilters, filter_parameters
from logistics_core.catalogue import Dataset


class ExportOptions(RowFilters):
    """How the file is written."""

    trailer: Flag = Field(
        False,
        description="Whether the last line gives the number of rows, and the SHA-256 of everything before it. "
        'NDJSON: `{"_end": {"rows": …, "sha256": "…"}}`; CSV: `#end,rows=…,sha256=…`; Parquet needs none',
    )
    reader: Literal["excel"] | None = Field(
        None,
        alias="for",
        description="CSV only. `excel`: begins with a byte order mark, so that Excel reads it as UTF-8, and puts an "
        "apostrophe before a text that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`, tab or carriage "
        "return at its beginning)",
        examples=["excel"],
    )


@cache
def export_parameters(dataset: Dataset) -> type[ExportOptions]:
    """The query parameters of an export of a dataset."""
    return create_model(f"{dataset.camel_name}ExportParameters", __base__=ExportOptions, **filter_parameters(dataset))
