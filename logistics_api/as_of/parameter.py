"""The parameter `as_of`: a file by its number or path, a day, or a moment."""

from typing import Annotated

from pydantic import Field

DESCRIPTION = (
    "What was known earlier: as if only the files up to one were registered. A file by its number in the ledger or by "
    "its path (its newest version), a day (all files registered until its end, in UTC), or a moment such as "
    "2026-03-01T14:30Z. The dataset must keep its history"
)

AsOfText = Annotated[
    str, Field(min_length=1, max_length=4096, pattern="^[^\\x00]+$", description=DESCRIPTION, examples=["2026-03-01"])
]
