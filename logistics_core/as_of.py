"""How people say as of when something is asked: by a file, a day or a moment."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

EXPECTED = "a file of the ledger by its number or path, a day such as 2026-03-01, or a moment such as 2026-03-01T14:30Z"

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_NO_PATH = re.compile("[\0\ud800-\udfff]")
"""What no text in the database has."""
_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Asked:
    """What a text asks for: one of them, or nothing."""

    file_id: int | None = None
    path: str | None = None
    moment: datetime | None = None
    """Files that were registered until then count."""

    @property
    def may_be_before_all(self) -> bool:
        """Whether it may mean the time before the first file, which answers call file 0."""
        return self.moment is not None or self.file_id == 0


def read_as_of(text: str) -> Asked | None:
    """What the text asks for; None if that cannot be, such as a day that the calendar does not have.

    A day is meant until its end, in UTC; so is a moment without a time zone.
    """
    if _NUMBER.fullmatch(text):
        return Asked(file_id=int(text)) if int(text) <= _LARGEST else None
    try:
        if _DAY.fullmatch(text):
            return Asked(moment=datetime.combine(date.fromisoformat(text), time.max, UTC))
        if _MOMENT.fullmatch(text):
            # In an address a plus sign that is not encoded arrives as a space.
            moment = datetime.fromisoformat(text.replace(" ", "+") if text[10] == "T" else text)
            return Asked(moment=moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
    return None if _NO_PATH.search(text) else Asked(path=text)
