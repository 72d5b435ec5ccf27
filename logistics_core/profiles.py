"""Profiles of columns: how full a column is, which values it has, how they are spread. Pure, small, can be merged.

A profile describes a sample of records, of one file or of many. Profiles of files are merged into that of a dataset,
so a file can be taken away again: its profile is left out. Distinct values are those with the lowest hashes, which are
a fair sample of all of them (https://doi.org/10.1007/3-540-45726-7_1): how many there are, and how many two columns
share, can be estimated from them.

Memory: at most `MOST_VALUES` values, `MOST_FREQUENT` more and `POINTS` numbers per column.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from zlib import crc32

import msgspec

from logistics_core.catalogue import FieldType
from logistics_core.catalogue.model import NUMERIC_TYPES, TEMPORAL_TYPES

MOST_VALUES = 96
MOST_FREQUENT = 10
POINTS = 33
"""Numbers that divide the values of a column into parts of one size: every 32nd, the least and the greatest."""
MOST_CHARACTERS = 80
"""Of a value that is kept."""

_HASHES = 1 << 32
FIRST_DAY = date(1970, 1, 1)
"""From which days are counted."""


class ValueKind(StrEnum):
    """What the values of a column are, for a profile."""

    TEXT = "text"
    """Measured by the number of characters."""
    NUMBER = "number"
    DATE = "date"
    """Measured in days since 1970."""


def value_kind(type: FieldType) -> ValueKind:
    """What a profile says about the values of a field of that type."""
    if type in NUMERIC_TYPES or type is FieldType.YEAR:
        return ValueKind.NUMBER
    return ValueKind.DATE if type in TEMPORAL_TYPES else ValueKind.TEXT


class FieldProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What a sample of records has in one column."""

    kind: ValueKind
    records: int
    filled: int
    """Records that have a value."""
    distinct: int
    """How many values there are in the sample: exact if `values` are all of them, else an estimate."""
    values: dict[str, int]
    """Distinct values with the lowest hashes, and how often each occurs."""
    frequent: dict[str, int]
    """The most frequent values. Exact for one file if it has few, else as far as the sample tells."""
    points: tuple[float, ...]
    """The least, every 32nd and the greatest of the values: of numbers, days, or numbers of characters."""

    @property
    def share_filled(self) -> float:
        return self.filled / self.records if self.records else 0.0

    @property
    def is_complete(self) -> bool:
        """Whether `values` are all distinct values of the sample."""
        return len(self.values) == self.distinct

    @property
    def median(self) -> float | None:
        return self.points[POINTS // 2] if self.points else None

    def merged(self, other: "FieldProfile") -> "FieldProfile":
        """The profile of both samples together."""
        kind = self.kind if self.kind is other.kind else ValueKind.TEXT
        values = _sum(self.values, other.values)
        is_complete = self.is_complete and other.is_complete
        kept = _with_lowest_hashes(values, MOST_VALUES)
        filled = self.filled + other.filled
        estimate = min(max(self.distinct, other.distinct, _estimate_distinct(kept)), filled)
        return FieldProfile(
            kind=kind,
            records=self.records + other.records,
            filled=filled,
            distinct=len(values) if is_complete else estimate,
            values=kept,
            frequent=_most_frequent(_sum(self.frequent, other.frequent)),
            points=_merged_points(self, other) if self.kind is other.kind else (),
        )

    def shared_values(self, other: "FieldProfile") -> float | None:
        """The share of distinct values that both have, of those of the column with fewer; None if one has none."""
        if not self.values or not other.values:
            return None
        union = _with_lowest_hashes({**self.values, **other.values}, MOST_VALUES)
        limit = min(map(_limit, (self, other)))
        comparable = [value for value in union if _hash(value) <= limit]
        ours, theirs = (sum(value in each.values for value in comparable) for each in (self, other))
        both = sum(value in self.values and value in other.values for value in comparable)
        fewer = min(ours, theirs)
        return both / fewer if fewer else 0.0

    def histogram(self, bars: int = 12) -> list[float]:
        """The share of values in parts of equal width from the least to the greatest."""
        if not self.points:
            return []
        low, high = self.points[0], self.points[-1]
        if low == high:
            return [1.0]
        edges = [low + (high - low) * number / bars for number in range(bars + 1)]
        below = [self._share_below(edge) for edge in edges[:-1]] + [1.0]
        return [after - before for before, after in zip([0.0, *below[1:-1]], below[1:], strict=True)]

    def _share_below(self, value: float) -> float:
        """The share of values below one, by straight lines between the points."""
        parts = len(self.points) - 1
        for number, (low, high) in enumerate(zip(self.points, self.points[1:], strict=False)):
            if value < high:
                return (number + (max(value - low, 0.0) / (high - low) if high > low else 0.0)) / parts
        return 1.0


def make_profile(texts: Iterable[str | None], kind: ValueKind, measure: Callable[[str], float | None]) -> FieldProfile:
    """Makes the profile of a column. None stands for no value; `measure` gives a number for a text."""
    counts: Counter[str | None] = Counter(texts)
    empty = counts.pop(None, 0)
    return profile_of_counts({text: count for text, count in counts.items() if text is not None}, empty, kind, measure)


def profile_of_counts(
    counts: Mapping[str, int], empty: int, kind: ValueKind, measure: Callable[[str], float | None]
) -> FieldProfile:
    """Makes the profile of a column whose values are counted already; `empty` records have none."""
    filled = sum(counts.values())
    measured = sorted((number, count) for text, count in counts.items() if (number := measure(text)) is not None)
    return FieldProfile(
        kind=kind,
        records=filled + empty,
        filled=filled,
        distinct=len(counts),
        values=_with_lowest_hashes(_shortened(counts), MOST_VALUES),
        frequent=_most_frequent(counts),
        points=_points(measured),
    )


def merged_profiles(profiles: Iterable[Mapping[str, FieldProfile]]) -> dict[str, FieldProfile]:
    """The profiles of columns in several files together, by name."""
    merged: dict[str, FieldProfile] = {}
    for each in profiles:
        for name, profile in each.items():
            merged[name] = merged[name].merged(profile) if name in merged else profile
    return merged


def measure_text(text: str) -> float:
    """The number of characters."""
    return float(len(text))


def measure_number(text: str) -> float | None:
    """The number that a text in PostgreSQL's spelling is."""
    try:
        return float(text)
    except ValueError:
        return None


def measure_date(text: str) -> float | None:
    """Days since 1970 of an ISO date or timestamp."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    days = (moment.date() - FIRST_DAY).days
    return days + (moment.hour * 60 + moment.minute) / 1440


MEASURES: dict[ValueKind, Callable[[str], float | None]] = {
    ValueKind.TEXT: measure_text,
    ValueKind.NUMBER: measure_number,
    ValueKind.DATE: measure_date,
}


def point_as_text(kind: ValueKind, point: float) -> str:
    """A point for people: a day, or a number."""
    return str(FIRST_DAY + timedelta(days=int(point))) if kind is ValueKind.DATE else f"{point:,.6g}"


def _hash(text: str) -> int:
    """A hash that is the same in every process, spread evenly."""
    value = crc32(text.encode("utf-8", "surrogatepass"))
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    return value ^ (value >> 13)


def _limit(profile: FieldProfile) -> int:
    """Up to which hash the kept values are all that there are."""
    return _HASHES if profile.is_complete else max(map(_hash, profile.values))


def _shortened(counts: Mapping[str, int]) -> Mapping[str, int]:
    if max(map(len, counts), default=0) <= MOST_CHARACTERS:
        return counts
    shortened: Counter[str] = Counter()
    for text, count in counts.items():
        shortened[text[:MOST_CHARACTERS]] += count
    return shortened


def _with_lowest_hashes(counts: Mapping[str, int], most: int) -> dict[str, int]:
    if len(counts) <= most:
        return dict(counts)
    return {text: counts[text] for text in sorted(counts, key=_hash)[:most]}


def _estimate_distinct(kept: Collection[str]) -> int:
    """How many distinct values there are, by how low the lowest hashes are."""
    if len(kept) < MOST_VALUES:
        return len(kept)
    return round((len(kept) - 1) * _HASHES / max(map(_hash, kept)))


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    counts = Counter(one)
    counts.update(other)
    return dict(counts)


def _most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    found = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_FREQUENT]
    return {text[:MOST_CHARACTERS]: count for text, count in found}


def _points(measured: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """The points of numbers in order, each with its weight."""
    if not measured:
        return ()
    ends = list(accumulate(weight for _, weight in measured))
    points, index = [], 0
    for number in range(POINTS):
        wanted = ends[-1] * number / (POINTS - 1)
        while index < len(ends) - 1 and ends[index] < wanted:
            index += 1
        points.append(measured[index][0])
    points[-1] = measured[-1][0]
    return tuple(points)


def _merged_points(one: FieldProfile, other: FieldProfile) -> tuple[float, ...]:
    """The points of two columns together: each point stands for its part of the values."""
    weighted = [(point, each.filled / len(each.points)) for each in (one, other) for point in each.points]
    return _points(sorted(weighted))
