"""The date range of every request for figures: `start` and `end`, both inclusive; and days beyond today."""

import re
from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic.functional_validators import PlainValidator
from pydantic_core import PydanticCustomError

from logistics_api.errors import Problem, refused_parameter

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)
"""The dates that the data contract allows."""
PATTERN = "^(19[0-9]{2}|20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}$"
"""Includes the bounds: the years 1900 to 2100, as for `trip_date` in the data contract."""
_PATTERN = re.compile(PATTERN[:-1])


def parse_day(value: Any) -> date:
    """Parses ISO calendar dates only: pydantic alone would read `0` as a Unix time."""
    try:
        if isinstance(value, str) and _PATTERN.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # such as February 30
    raise PydanticCustomError("day", "a date as YYYY-MM-DD, 1900-01-01 to 2100-12-31")


Day = Annotated[
    date,
    PlainValidator(parse_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": PATTERN, "examples": ["2024-01-31"]}),
]


def end_before_start(start: date, end: date) -> Problem:
    """The response to a range that ends before it starts, where an end may be left out."""
    return refused_parameter("end", f"a date not before start ({start})", str(end))


class DayRange(BaseModel):
    """Query parameters: a date range. Subclasses add their own; unknown ones are rejected."""

    model_config = ConfigDict(extra="forbid")

    start: Day = Field(description="First day, YYYY-MM-DD, 1900-01-01 to 2100-12-31: the `trip_date` of logs")
    end: Day = Field(description="Last day, inclusive; not before `start`")

    @field_validator("end")
    @classmethod
    def not_before_start(cls, end: date, others: ValidationInfo) -> date:
        start = others.data.get("start")
        if start is not None and end < start:
            raise PydanticCustomError("end_before_start", "a date not before start ({start})", {"start": str(start)})
        return end


class OpenDayRange(DayRange):
    """Query parameters: a date range with optional ends."""

    start: Day = Field(FIRST_DAY, description="First day, YYYY-MM-DD; if omitted, everything up to `end`")
    end: Day = Field(
        LAST_DAY, description="Last day, inclusive, not before `start`; if omitted, everything since `start`"
    )


class FutureDays(BaseModel):
    """Days with a log that lie in the future: dates that cannot be right."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(description="Number of days", examples=[1])
    newest: date | None = Field(description="The newest of them; null if there is none", examples=["2080-01-06"])


class NothingElse(BaseModel):
    """Query parameters of a path that takes none: all are rejected."""

    model_config = ConfigDict(extra="forbid")


NoParameters = Annotated[NothingElse, Query()]
