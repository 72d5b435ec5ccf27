"""Query parameters and responses for rows, derived from the dataset. Columns not selected are absent."""

from datetime import UTC, date, datetime
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from logistics_api.parameters import cursors
from logistics_api.parameters.types import Paging
from logistics_api.rows.filters import RowFilters, by_attribute, filter_parameters
from logistics_api.rows.queries import CAP, SMALL
from logistics_api.rows.tables import Kind, Table, example_of, kind_of, table_of
from logistics_core.catalogue import Dataset
from logistics_core.catalogue import Field as DatasetField

Count = Literal["estimated", "capped", "none"]


class RowPaging(Paging, RowFilters):
    """Paging, sort order, filters and counting of rows."""

    sort: str
    count: Count = Field(
        "estimated",
        description=f"`estimated`: PostgreSQL's estimate, nearly free, or exact for tables of up to {SMALL:,} rows. "
        f"`capped`: counted, up to {CAP:,}; if few rows match the filters, this may read the whole table. "
        "`none`: `total` is null",
    )


class Total(BaseModel):
    """Number of rows on all pages that match the filters."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(description="Number of rows", examples=[10_000])
    kind: Literal["exact", "at_least", "estimated"] = Field(
        description="How exact it is: `at_least` means this number or more (show it as 10,000+)", examples=["at_least"]
    )


class Source(BaseModel):
    """Source of a row; present if `source` or `fields` selects it."""

    model_config = ConfigDict(extra="forbid")

    file_path: str | None = Field(
        None, description="Path of the file below the raw folder", examples=["shipments-2024-06.ndjson.gz"]
    )
    file_version: int | None = Field(None, description="Version of the content under this path, from 1", examples=[1])
    file_id: int = Field(0, description="Number of the file in the ledger", examples=[12])
    record_no: int = Field(0, description="Number of the record in that file, from 1", examples=[31_415])


class RowPage(cursors.Page):
    """One page of rows."""

    model_config = ConfigDict(extra="forbid")

    data: list[Any] = Field(description="The rows, in the order of `sort`")
    total: Total | None = Field(description="Number of rows on all pages; null with `count=none`")


def _text_of(words: str, **schema: str) -> tuple[Any, Any]:
    """A text of a certain form, which `words` describe."""
    return Annotated[str, WithJsonSchema({"type": "string", "description": words, **schema})], ""


TYPES: dict[Kind, tuple[Any, Any]] = {
    "string": (str, ""),
    "number": (float, 0.0),
    "whole": (int, 0),
    "boolean": (bool, False),
    "date": (date, date(1900, 1, 1)),
    "datetime": _text_of("A date and a time as in ISO 8601, without a time zone"),
    "moment": (datetime, datetime(1900, 1, 1, tzinfo=UTC)),
    "time": _text_of("A time of day as in ISO 8601; 24:00:00 is the end of the day"),
    "duration": _text_of("A duration as in ISO 8601", format="duration"),
    "year": (int, 0),
    "month": _text_of("A month as in ISO 8601"),
    "object": (dict[str, Any] | list[Any], {}),
    "array": (list[Any], []),
}
"""Kind of column → type of a value and a default, which is never used: it only lets a column be absent."""


@cache
def page_parameters(dataset: Dataset) -> type[RowPaging]:
    """The query parameters of a page of rows."""
    table = table_of(dataset)
    sort: Any = Literal.__getitem__(table.sorts)
    return create_model(
        f"{dataset.camel_name}PageParameters",
        __base__=RowPaging,
        **filter_parameters(dataset),
        sort=(sort, Field(table.default_sort, description=_describe_sort(table))),
    )


@cache
def row_model(dataset: Dataset) -> type[Source]:
    """One row of a dataset."""
    fields = {field.name: _value(field) for field in table_of(dataset).fields}
    return create_model(dataset.camel_name, __base__=Source, __doc__=dataset.description, **by_attribute(fields))


@cache
def page_model(dataset: Dataset) -> type[RowPage]:
    """One page of rows of a dataset."""
    rows: Any = GenericAlias(list, (row_model(dataset),))
    return create_model(
        f"{dataset.camel_name}Page",
        __base__=RowPage,
        __doc__=f"One page of the dataset {dataset.name}.",
        data=(rows, RowPage.model_fields["data"]),
    )


def _value(field: DatasetField) -> tuple[Any, Any]:
    kind = kind_of(field)
    value_type, default = TYPES[kind]
    described = Field(
        default if field.required else None,
        alias=field.name,
        description=field.description_with_unit + (", digit by digit as delivered" if kind == "number" else ""),
        examples=[example_of(field)],
    )
    return value_type if field.required else value_type | None, described


def _describe_sort(table: Table) -> str:
    orders = (f"`{order}`: by {', then '.join(columns)}" for order, columns in table.orders.items())
    return f"Order of the rows; `-` reverses it, and rows without the value are last in both. {'. '.join(orders)}"
