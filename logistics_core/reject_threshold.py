"""How many rejected records are too many: a share of the records read, or a number. Two settings say so."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

_TEXT = re.compile(r"(?P<records>[0-9]{1,18})|(?P<per_cent>(?:100|[0-9]{1,2}(?:\.[0-9]{1,6})?))%", re.ASCII)


@dataclass(frozen=True)
class RejectThreshold:
    """The most rejects: a number of records, or a percentage of the records read. The other is None."""

    records: int | None
    per_cent: Decimal | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses `10000` or `50%`.

        Raises:
            ValueError: it is neither.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"expected a number of records (10000) or a percentage from 0% to 100%, found {text!r}")
        if match["records"] is not None:
            return cls(int(match["records"]), None)
        return cls(None, Decimal(match["per_cent"]))

    def __str__(self) -> str:
        return f"{self.records:,} records" if self.per_cent is None else f"{self.per_cent}% of the records read"

    def is_crossed(self, read: int, rejected: int) -> bool:
        """Whether `rejected` of `read` records are more."""
        if self.records is not None:
            return rejected > self.records
        assert self.per_cent is not None
        return 100 * rejected > self.per_cent * read

    def parameters(self) -> dict[str, object]:
        """The parameters of `database_contract.file_warnings.HAS_WARNING`."""
        return {"warn_records": self.records, "warn_per_cent": self.per_cent}
