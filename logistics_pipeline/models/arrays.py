"""The arrays that models compute with, and sums over what was known at a moment."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Key = tuple[Any, ...]
"""The values of the fields that records have in common."""


@dataclass(frozen=True)
class Durations:
    """Records whose durations are known or wanted, by their start. Times are hours since 1970, as are ends."""

    started: FloatArray
    """(records,) When each was predicted: nothing that became known later may be used."""
    known: FloatArray
    """(records,) When its duration was known; infinite if it is not yet."""
    value: FloatArray
    """(records,) In the unit of the field, above 0; NaN if not known."""
    group: IntArray
    """(records,) Which group each belongs to."""
    fields: tuple[IntArray, ...]
    """(records,) for each field of the groups: the number of its value."""
    inputs: FloatArray
    """(records, inputs) What explains them beside the group; NaN if missing."""
    groups: tuple[Key, ...]
    """The values of each group's fields, as texts, numbers or None."""
    values_of_fields: tuple[tuple[Any, ...], ...]
    """The values of each field, by their numbers."""
    unit_hours: float = 1.0

    def __len__(self) -> int:
        return len(self.started)

    @cached_property
    def logs(self) -> FloatArray:
        """(records,) Logarithms of the durations."""
        return np.log(self.value)


class KnownSums:
    """Sums per group over those records that were known at a moment, perhaps over the newest of them alone.

    Records are sorted once by group and the moment they became known; a sum is then the difference of two cumulative
    sums, so all moments of all records cost one sort.
    """

    def __init__(self, group: IntArray, known: FloatArray, at: FloatArray) -> None:
        """`at` (records,): the moment that each record asks about. Records that are not known yet have infinity."""
        records = len(group)
        is_known = np.isfinite(known)
        self._order = np.lexsort((known, group))
        self._order = self._order[is_known[self._order]]
        groups = int(group.max(initial=-1)) + 1
        first = np.searchsorted(group[self._order], np.arange(groups))
        self._first: IntArray = first[group]
        # Positions by a merge of what became known with what is asked: at equal moments, what is known comes first.
        merged = np.lexsort(
            (
                np.concatenate((np.zeros(len(self._order)), np.ones(records))),
                np.concatenate((known[self._order], at)),
                np.concatenate((group[self._order], group)),
            )
        )
        before = np.cumsum(merged < len(self._order))
        places = np.empty(len(merged), dtype=np.int64)
        places[merged] = before
        self._place: IntArray = np.maximum(places[len(self._order) :], self._first)

    def of(self, values: FloatArray, window: int | None) -> tuple[FloatArray, FloatArray]:
        """(records,) Number and sum of the values that were known in the group of each record, of the last `window`."""
        cumulated = np.concatenate(([0.0], np.cumsum(values[self._order])))
        first = self._first if window is None else np.maximum(self._first, self._place - window)
        return (self._place - first).astype(np.float64), cumulated[self._place] - cumulated[first]
