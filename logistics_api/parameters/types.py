"""Parameters that several subjects share: text that PostgreSQL can store, flags, numbers, page sizes, cursors."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.functional_validators import BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from logistics_api.parameters import cursors

Text = Annotated[str, Field(min_length=1, max_length=4096, pattern="^[^\\x00]+$")]
DatasetName = Annotated[str, Field(max_length=63, pattern="^[a-z_][a-z0-9_]*$")]

Cursor = Annotated[str, Field(max_length=cursors.LONGEST, examples=["Qo3rYw9m3mlbIjE3Il0"])]
_INTEGER = re.compile(r"-?[0-9]{1,30}", re.ASCII)


def parse_integer(value: Any) -> int:
    """Parses decimal digits only: pydantic alone would accept `1_0`, `1.0`, `+1` and blanks as well."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise PydanticCustomError("integer", "an integer such as 12")


DIGITS = BeforeValidator(parse_integer)
"""Must follow the bounds of a type, or the OpenAPI document would lack them."""

Integer = Annotated[int, DIGITS]
FileId = Annotated[int, Field(ge=1, le=2_147_483_647, description="ID of a file in the ledger", examples=[214]), DIGITS]


_NUMBER = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,3})?", re.ASCII)


def parse_number(value: Any) -> Decimal:
    """Parses a finite number, keeping every digit."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise PydanticCustomError("number", "a number such as 12.5, of at most 400 digits, exponent at most 999")


Number = Annotated[Decimal, PlainValidator(parse_number), WithJsonSchema({"type": "number", "examples": [412.5]})]


_WHOLE = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)


def parse_whole(value: Any) -> Decimal:
    """Parses an integer of any size."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return Decimal(value)
    raise PydanticCustomError("whole", "an integer such as 42, of at most 400 digits")


Whole = Annotated[Decimal, PlainValidator(parse_whole), WithJsonSchema({"type": "integer", "examples": [42]})]


def parse_flag(value: Any) -> bool:
    """Parses `true` and `false` only: pydantic alone would accept `1`, `on` and `y` as well."""
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise PydanticCustomError("flag", "true or false")


Flag = Annotated[bool, BeforeValidator(parse_flag), Field(examples=[True])]


class Paging(BaseModel):
    """Query parameters of a paginated list. Subclasses add their filters; unknown ones are rejected."""

    model_config = ConfigDict(extra="forbid")

    limit: Integer = Field(100, ge=1, le=1000, description="Maximum number of entries per page")
    cursor: Cursor | None = Field(None, description=cursors.DESCRIPTION)

    def filters(self) -> dict[str, Any]:
        """The filters that were sent, without parameters that may differ between pages."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
