"""What the database has counted about files: the numbers from which all rules are computed."""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from logistics_core.database_contract.reject_kinds import FOUND


class Failure(StrEnum):
    """Why a value is not stored. Each counts against one dimension."""

    MISSING = "missing"
    """A required field has no value."""
    OUT_OF_BOUNDS = "out_of_bounds"
    """The value can be read, but lies outside the bounds of the contract."""
    INVALID = "invalid"
    """Anything else."""


_MISSING = re.compile(r"is (missing|empty)\b")
_OUT_OF_BOUNDS = re.compile(r"must (be (at least|more than|at most|less than)|not be (before|after)) ")


def failure_of(field: str | None, reason: str) -> Failure:
    """Which failure the reason, or the kind of reason, of a reject or a cleared value stands for.

    The reasons are those of `logistics_pipeline.loading.contract`: the name of the field, then what is wrong.
    """
    if field is None or not reason.startswith(f"{field} "):
        return Failure.INVALID
    said = reason.partition(FOUND)[0].removeprefix(f"{field} ")
    if _MISSING.match(said):
        return Failure.MISSING
    return Failure.OUT_OF_BOUNDS if _OUT_OF_BOUNDS.match(said) else Failure.INVALID


@dataclass
class Counts:
    """The accounts and counts of one file, or the sums over several."""

    files: int = 0
    files_as_agreed: int = 0
    """Those of them with no field that the contract does not know."""
    read: int = 0
    loaded: int = 0
    superseded: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    """Cells with a value in the rows that are in the table, by field."""
    cleared: Counter[tuple[str, Failure]] = field(default_factory=Counter)
    """Values that were stored as NULL because they were invalid."""
    rejected: Counter[tuple[str | None, Failure]] = field(default_factory=Counter)
    """Unresolved rejects by the field that rejected them; None where the record as a whole did."""
    asked: Counter[str] = field(default_factory=Counter)
    """References to another dataset, by field, when they were counted last."""
    found: Counter[str] = field(default_factory=Counter)
    """Those of them whose record was there."""

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Reads what `queries.counts_query` returns."""
        counts = cls(*document["account"])
        for name, filled, cleared, out_of_bounds in document["cells"]:
            counts.filled[name] = filled
            counts.cleared[name, Failure.INVALID] = cleared
            counts.cleared[name, Failure.OUT_OF_BOUNDS] = out_of_bounds
        for name, kind, count in document["kinds"]:
            counts.rejected[name, failure_of(name, kind)] += count
        for name, asked, found in document["references"]:
            counts.asked[name], counts.found[name] = asked, found
        return counts
