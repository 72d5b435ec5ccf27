"""How many rejected records make a whole file fail. The loader counts them."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError

RECORDS_BEFORE_PER_CENT = 1_000
"""A percentage applies only once this many records were read: of fewer it says little."""

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
        """Whether `rejected` of `read` records are more than the limit allows."""
        if self.records is not None:
            return rejected > self.records
        assert self.per_cent is not None
        return read >= RECORDS_BEFORE_PER_CENT and 100 * rejected > self.per_cent * read

    def error(self, connection: Connection, file_id: int, read: int, rejected: int) -> FileError:
        """The error of a file that exceeds the limit: the counts, the most common reason, what to do."""
        reasons = ledger.reject_summary(connection, file_id, limit=1)
        most_common = "".join(
            f" The most common reason, {found.count:,} times, first in record {found.first_record:,}: {found.reason}."
            for found in reasons
        )
        return FileError(
            f"{rejected:,} of {read:,} records read were rejected, more than LOGISTICS_MAX_REJECTS allows ({self})."
            f"{most_common} Deliver a corrected file. If this many rejects are expected, raise the limit and load the "
            "file again: the load resumes here. `logistics rejects replay` then loads what was rejected so far"
        )
