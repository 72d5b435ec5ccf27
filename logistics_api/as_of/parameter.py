"""The parameter `as_of`: a file by its number or path, a day, or a moment."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import Field

DESCRIPTION = (
    "What was known earlier: as if only the files up to one were registered. A file by its number in the ledger or by "
    "its path (its newest version), a day (all files registered until its end, in UTC), or a moment such as "
    "2026-03-01T14:30Z. The dataset must keep its history"
)
EXPECTED = "a file of the ledger by its number or path, a day such as 2026-03-01, or a moment such as 2026-03-01T14:30Z"

AsOfText = Annotated[
    str, Field(min_length=1, max_length=4096, pattern="^[^\\x00]+$", description=DESCRIPTION, examples=["2026-03-01"])
]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Asked:
    """What a text asks for: exactly one of them."""

    file_id: int | None = None
    path: str | None = None
    moment: datetime | None = None


def read_as_of(text: str) -> Asked | None:
    """What the text asks for; None if that cannot be, such as a day that the calendar does not have."""
    if _NUMBER.fullmatch(text):
        return Asked(file_id=int(text)) if int(text) <= _LARGEST else None
    try:
        if _DAY.fullmatch(text):
            return Asked(moment=datetime.combine(date.fromisoformat(text), time.max, UTC))
        if _MOMENT.fullmatch(text):
            moment = datetime.fromisoformat(text.replace(" ", "+") if text[10] == "T" else text)
            return Asked(moment=moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
    return Asked(path=text)
