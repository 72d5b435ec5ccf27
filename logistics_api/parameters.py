"""Parameters that several subjects take: texts PostgreSQL can hold, yes or no, sizes of pages, cursors."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from logistics_api import cursors

Text = Annotated[str, Field(min_length=1, max_length=4096, pattern="^[^\\x00]+$")]
Name = Annotated[str, Field(max_length=63, pattern="^[a-z_][a-z0-9_]*$")]
"""Of a dataset."""

Cursor = Annotated[str, Field(max_length=cursors.LONGEST, examples=["Qo3rYw9m3mlbIjE3Il0"])]
FileId = Annotated[int, Field(ge=1, le=2_147_483_647, description="Number of a file in the ledger", examples=[214])]


def parse_flag(value: Any) -> bool:
    """Reads `true` or `false` and nothing else: pydantic alone would take `1`, `on` and `y` as well."""
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise PydanticCustomError("flag", "true or false")


Flag = Annotated[bool, BeforeValidator(parse_flag), Field(examples=[True])]


class Paging(BaseModel):
    """Query parameters of a list that is read page by page. Subclasses add their filters; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=1000, description="Entries on a page")
    cursor: Cursor | None = Field(None, description=cursors.DESCRIPTION)

    def filters(self) -> dict[str, Any]:
        """What is asked for, without what may differ from page to page."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
