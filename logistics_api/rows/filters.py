"""Query parameters that select rows and columns, derived from the dataset; shared by pages and exports.

A filter has the name of its column. On its own it means equality; with `_prefix`, that the text begins with the value;
with `_from` and `_to`, a range that includes both ends. Filters combine with AND; NULL passes no filter on its column,
but `isNull` names columns that must be NULL.
`queries.condition` decides what they become in SQL.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    create_model,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from logistics_api.as_of.parameter import DESCRIPTION, AsOfText
from logistics_api.parameters.date_range import Day
from logistics_api.parameters.text_search import KeyText
from logistics_api.parameters.times import Duration, LocalTime, Moment, Month, TimeOfDay, Year
from logistics_api.parameters.types import DIGITS, FileId, Flag, Number, Paging, Whole
from logistics_api.rows.queries import IS_NULL
from logistics_api.rows.tables import SOURCE, Kind, Table, example_of, kind_of, table_of
from logistics_core.catalogue import Dataset
from logistics_core.catalogue import Field as DatasetField
from logistics_core.catalogue.contract_files import FILTER_SUFFIXES

AS_OF = "asOf"
"""The attribute of what was known earlier: no field has a capital letter."""

RecordNumber = Annotated[int, Field(ge=1, le=2**63 - 1, examples=[31_415]), DIGITS]


@dataclass(frozen=True)
class Columns:
    """Marks a text as a list of a table's columns, separated by commas."""

    table: Table
    has_source: bool = True
    """Whether the columns that name a row's file count."""

    @property
    def _names(self) -> list[str]:
        return [name for name in self.table.columns if self.has_source or name not in SOURCE]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        column = f"({'|'.join(self._names)})"
        return {"type": "string", "pattern": f"^{column}(,{column})*$"}

    def _check(self, value: str) -> str:
        if set(value.split(",")) <= set(self._names):
            return value
        known = ", ".join(self._names)
        raise PydanticCustomError("columns", "columns separated by commas, of {known}", {"known": known})


class Selection(BaseModel):
    """Query parameters that select columns, for every request for rows. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    fields: str | None = None
    source: Flag = Field(
        False, description="Adds the source of each row: `file_path`, `file_version`, `file_id`, `record_no`"
    )


class RowFilters(Selection):
    """Filters common to all datasets; each dataset adds filters of its own fields."""

    file_id: FileId | None = Field(None, description="Rows from this file of the ledger")
    record_no: RecordNumber | None = Field(None, description="Rows from this record number of their file, from 1")


TYPES: Mapping[Kind, Any] = {
    "string": KeyText,
    "number": Number,
    "whole": Whole,
    "boolean": Flag,
    "date": Day,
    "datetime": LocalTime,
    "moment": Moment,
    "time": TimeOfDay,
    "duration": Duration,
    "year": Year,
    "month": Month,
}

_OF_TIMES = {"": "exactly this time", "_from": "this time or later", "_to": "this time or earlier"}

CONDITIONS: Mapping[Kind, Mapping[str, str]] = {
    "string": {"": "exactly this text", "_prefix": "begins with this text, in the same case"},
    "date": {"": "exactly this day, YYYY-MM-DD", "_from": "this day or later", "_to": "this day or earlier"},
    "number": {"": "exactly this number", "_from": "at least this number", "_to": "at most this number"},
    "whole": {"": "exactly this number", "_from": "at least this number", "_to": "at most this number"},
    "boolean": {"": "true or false"},
    "datetime": _OF_TIMES,
    "moment": _OF_TIMES,
    "time": _OF_TIMES,
    "duration": {"": "exactly as long", "_from": "at least as long", "_to": "at most as long"},
    "year": {"": "exactly this year", "_from": "this year or later", "_to": "this year or earlier"},
    "month": {"": "exactly this month, YYYY-MM", "_from": "this month or later", "_to": "this month or earlier"},
    "object": {},
    "array": {},
}
"""Kind of column → suffix of the filter's name → what the filter matches."""


@cache
def selection_model(dataset: Dataset) -> type[Selection]:
    """The query parameters of a request for one row."""
    parameters = _fields_parameter(dataset) | _as_of_parameter(dataset)
    return create_model(f"{dataset.camel_name}Selection", __base__=Selection, **parameters)


@cache
def filter_parameters(dataset: Dataset) -> dict[str, Any]:
    """The query parameters of a dataset's own, to be added to `RowFilters`: `fields` and the filters."""
    parameters = {name: parameter for field in table_of(dataset).fields for name, parameter in _filters_of(field)}
    return _fields_parameter(dataset) | _null_parameter(dataset) | _as_of_parameter(dataset) | by_attribute(parameters)


def by_attribute(parameters: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """Returns parameters under names that a model can use: `json` and `copy` may be fields but are methods of a model.

    No name in a contract has a capital letter.
    """
    return {name.upper() if hasattr(Paging, name) else name: found for name, found in parameters.items()}


def given_filters(table: Table, parameters: RowFilters) -> dict[str, Any]:
    """The filters of a request by their names in the query, without `fields`, `source` and what is not a filter."""
    given = parameters.model_fields_set
    found = {
        name: getattr(parameters, attribute)
        for attribute, name in filter_names(table.dataset).items()
        if attribute in given
    }
    lacking: str | None = getattr(parameters, IS_NULL)
    return found | {f"{column}.{IS_NULL}": True for column in (lacking.split(",") if lacking else ())}


@cache
def filter_names(dataset: Dataset) -> dict[str, str]:
    """Attribute of the model → name in the query, of every filter of a dataset."""
    own = {attribute: described.alias for attribute, (_, described) in filter_parameters(dataset).items()}
    del own["fields"], own[IS_NULL], own[AS_OF]
    return own | {"file_id": "file_id", "record_no": "record_no"}


def _fields_parameter(dataset: Dataset) -> dict[str, Any]:
    some = dict.fromkeys(((dataset.key or dataset.columns)[0], dataset.columns[-1]))
    described = Field(
        None,
        description="Columns of each row, separated by commas. Without it: all but the source",
        examples=[",".join(some)],
    )
    return {"fields": (Annotated[str, Columns(table_of(dataset))] | None, described)}


def _null_parameter(dataset: Dataset) -> dict[str, Any]:
    described = Field(
        None,
        description="Rows that have no value in these columns, separated by commas",
        examples=[dataset.columns[-1]],
    )
    return {IS_NULL: (Annotated[str, Columns(table_of(dataset), has_source=False)] | None, described)}


def as_of_name(dataset: Dataset) -> str:
    """The name of the parameter in the query: a field of the dataset may have the usual one."""
    return AS_OF if "as_of" in filter_columns(dataset) else "as_of"


def filter_columns(dataset: Dataset) -> frozenset[str]:
    """The names that filters of a dataset may have."""
    names = [field.name for field in table_of(dataset).fields]
    return frozenset(name + suffix for name in names for suffix in ("", *FILTER_SUFFIXES))


def given_as_of(parameters: Selection) -> str | None:
    """What a request asks for as of an earlier time; None if it asks for what is known now."""
    found: str | None = getattr(parameters, AS_OF)
    return found


def _as_of_parameter(dataset: Dataset) -> dict[str, Any]:
    return {AS_OF: (AsOfText | None, Field(None, alias=as_of_name(dataset), description=DESCRIPTION))}


def _filters_of(field: DatasetField) -> Iterator[tuple[str, tuple[Any, Any]]]:
    kind = kind_of(field)
    for suffix, condition in CONDITIONS[kind].items():
        name = field.name + suffix
        described = Field(
            None,
            alias=name,
            description=f"{field.title_with_unit}: {condition}",
            examples=_examples(field, suffix) if kind == "string" else None,
        )
        yield name, (TYPES[kind] | None, described)


def _examples(field: DatasetField, suffix: str) -> list[str]:
    """Returns examples of a text; for `_prefix`, its beginning."""
    example = str(example_of(field))
    return [example if suffix != "_prefix" else example[:-2] or example]
