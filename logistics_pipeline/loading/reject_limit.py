"""How many rejected records make a whole file fail. The loader counts them."""

from dataclasses import dataclass

from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError

RECORDS_BEFORE_PER_CENT = 1_000
"""Only after this many records a percentage stops a load before its end: fewer say little of the rest."""

HALF = 50
"""The percentage of rejects up to which a file is good where the limit is a number of records."""


@dataclass(frozen=True)
class RejectLimit(RejectThreshold):
    """The most rejects that a file may have."""

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
