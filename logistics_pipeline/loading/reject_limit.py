"""How many rejected records make a whole file fail. The loader counts them."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError

RECORDS_BEFORE_PER_CENT = 1_000
"""Only after this many records a percentage stops a load before its end: fewer say little of the rest."""

HALF = 50
"""The percentage of rejects up to which a file is good where the limit is a number of records."""

_TEXT = re.compile(r"(?P<records>[0-9]{1,18})|(?P<per_cent>(?:100|[0-9]{1,2}(?:\.[0-9]{1,6})?))%", re.ASCII)


@dataclass(frozen=True)
class RejectLimit:
    """The most rejects a file may have: a number of records, or a percentage of the records read. The other is None."""

    records: int | None
    per_cent: Decimal | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses `10000` or `50%`.

        Raises:
            ValueError: it is neither.
        """
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"expected a number of records (10000) or a percentage from 0% to 100%, found {text!r}")
        if match["records"] is not None:
            return cls(int(match["records"]), None)
        return cls(None, Decimal(match["per_cent"]))

    def __str__(self) -> str:
        return f"{self.records:,} records" if self.per_cent is None else f"{self.per_cent}% of the records read"

    def is_exceeded(self, read: int, rejected: int) -> bool:
        """Whether a load stops: `rejected` of the `read` records so far are more than the limit allows."""
        if self.records is not None:
            return rejected > self.records
        return read >= RECORDS_BEFORE_PER_CENT and self._is_share_exceeded(read, rejected)

    def is_exceeded_at_end(self, read: int, rejected: int) -> bool:
        """Whether a file that was read to its end fails, whatever its size.

        A file of which nothing is good always fails. If the limit is a number of records, so does one of which less
        than half is good.
        """
        return rejected == read > 0 or self.is_exceeded(read, rejected) or self._is_share_exceeded(read, rejected)

    def _is_share_exceeded(self, read: int, rejected: int) -> bool:
        return 100 * rejected > (HALF if self.per_cent is None else self.per_cent) * read

    def error(self, connection: Connection, file_id: int, read: int, rejected: int) -> FileError:
        """The error of a file that exceeds the limit: the counts, the most common reason, what to do."""
        what_to_do = _READ_AGAIN if rejected == read else _RESUMED
        return FileError(
            f"{self._counts(read, rejected)}.{most_common_reason(connection, file_id)} "
            f"Deliver a corrected file{what_to_do}"
        )

    def _counts(self, read: int, rejected: int) -> str:
        if rejected == read:
            return f"None of the {read:,} records read could be loaded" if read > 1 else "Its only record was rejected"
        counts = f"{rejected:,} of {read:,} records read were rejected"
        if self.records is not None and rejected <= self.records:
            return f"{counts}, more than half of them"
        return f"{counts}, more than LOGISTICS_MAX_REJECTS allows ({self})"


def most_common_reason(connection: Connection, file_id: int) -> str:
    """A sentence, after a space, on what is wrong with most rejects of a file; empty if it has none."""
    return "".join(
        f" The most common reason, {found.count:,} times, first in record {found.first_record:,}: {found.reason}."
        for found in ledger.reject_summary(connection, file_id, limit=1)
    )


_READ_AGAIN = (
    ". If the settings or the contract were at fault, change them and load the file again: "
    "it is read from its beginning"
)
_RESUMED = (
    ". If this many rejects are expected, set LOGISTICS_MAX_REJECTS to a higher percentage and load the file again: "
    "the load resumes here. `logistics rejects replay` then loads what was rejected so far, where it has been corrected"
)
