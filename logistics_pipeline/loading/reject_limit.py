"""How many records of a file may be rejected before the file itself is taken for bad. Counting them is the loader's."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError

RECORDS_BEFORE_PER_CENT = 1_000
"""A share says little of a file of which less has been read."""

_TEXT = re.compile(r"(?P<records>[0-9]{1,18})|(?P<per_cent>(?:100|[0-9]{1,2}(?:\.[0-9]{1,6})?))%", re.ASCII)


@dataclass(frozen=True)
class RejectLimit:
    """The most rejects a file may have: so many, or so many per cent of the records read. One of the two is None."""

    records: int | None
    per_cent: Decimal | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `10000` or `50%`.

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
        """Whether a file is bad of which so many records were read and so many of those rejected."""
        if self.records is not None:
            return rejected > self.records
        assert self.per_cent is not None
        return read >= RECORDS_BEFORE_PER_CENT and 100 * rejected > self.per_cent * read

    def error(self, connection: Connection, file_id: int, read: int, rejected: int) -> FileError:
        """What to fail a file with that exceeds the limit: the counts, the commonest reason, what can be done."""
        reasons = ledger.reject_summary(connection, file_id, limit=1)
        commonest = "".join(
            f" The commonest reason, {found.count:,} times, first in record {found.first_record:,}: {found.reason}."
            for found in reasons
        )
        return FileError(
            f"{rejected:,} of {read:,} records read were rejected, more than LOGISTICS_MAX_REJECTS allows ({self})."
            f"{commonest} Deliver the file mended; or, if this is to be expected, raise the limit and load it again, "
            "which continues here; `logistics rejects replay` takes in what was rejected so far"
        )
