"""Compares the profile of a column in a new file with those in earlier files. Pure: what differs too much is said.

Nothing is refused for it: a file may rightly differ. A column is compared with the earlier file that is most like it,
so what changes from file to file anyway, such as the day of a daily file, is not unusual.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from logistics_core.profiles import POINTS, FieldProfile, ValueKind, point_as_text

FEWEST_VALUES = 40
"""Values that a column must have on either side: fewer prove nothing."""
MEDIAN_FACTOR = 10.0
NULL_FACTOR = 3.0
DOMINANT_SHARE = 0.5

_LEAST_NULL_SHARE = 0.05
_NULL_DEVIATIONS = 4.0
_MOSTLY_FILLED = 0.5
_MOST_USUAL_SHARE = 0.05
_OCTILES = tuple(POINTS // 8 * number for number in range(1, 8))

UNIT_FACTORS: Mapping[float, str] = {
    1000.0: "grams for kilograms, metres for kilometres",
    100.0: "cents for the currency, a percentage for a share",
    3600.0: "seconds for hours",
    60.0: "minutes for hours, seconds for minutes",
    86400.0: "seconds for days",
    24.0: "hours for days",
    1.609344: "kilometres for miles",
    2.2046226: "pounds for kilograms",
    3.785412: "litres for gallons",
    3.28084: "feet for metres",
    3.6: "kilometres per hour for metres per second, megajoules for kilowatt-hours",
}
"""By which factors values change with their unit, and between which units for example."""

_LOW_FACTOR = 10.0
"""A lower factor may be chance, unless all parts of the column agree on it closely."""
_CLOSE, _ROUGH = 0.03, 0.2
"""By how much a factor may differ from that between units, as a logarithm; parts of the column by some times that."""
_LEAST_FACTOR = log(1.4)
"""Of the medians, to the earlier file that is most like the new one."""


@dataclass(frozen=True)
class Unusual:
    """What is unusual about a column of a file."""

    kind: str
    """`unit`, `median`, `nulls` or `dominant_value`."""
    text: str
    """A sentence without the name of the column: it follows a colon."""


def find_unusual(new: FieldProfile, earlier: Sequence[FieldProfile], *, is_identifier: bool = False) -> list[Unusual]:
    """Compares a column with the same column of earlier files, each by itself.

    `is_identifier`: its numbers are names, which grow from file to file and have no unit.
    """
    if new.records and not new.filled and earlier and min(each.share_filled for each in earlier) >= _MOSTLY_FILLED:
        return [Unusual("nulls", "no record has a value, in earlier files most have one")]
    known = [each for each in earlier if each.records >= FEWEST_VALUES]
    if new.records < FEWEST_VALUES or not known:
        return []
    factor = () if is_identifier else _find_factor(new, known)
    return [*_find_nulls(new, known), *factor, *_find_dominant_value(new, known)]


def unusual_columns(
    new: Mapping[str, FieldProfile], earlier: Sequence[Mapping[str, FieldProfile]], identifiers: Collection[str] = ()
) -> dict[str, list[Unusual]]:
    """Compares the columns of a file with those of earlier files; the columns with something unusual, by name."""
    found = {
        name: find_unusual(profile, [each[name] for each in earlier if name in each], is_identifier=name in identifiers)
        for name, profile in new.items()
    }
    return {name: unusual for name, unusual in found.items() if unusual}


def _find_nulls(new: FieldProfile, earlier: Sequence[FieldProfile]) -> Iterator[Unusual]:
    most = max(earlier, key=_share_empty)
    before, now = _share_empty(most), _share_empty(new)
    expected = max(before, 1 / most.records)
    deviation = sqrt(expected * (1 - min(expected, 0.99)) * (1 / new.records + 1 / most.records))
    is_more = now >= NULL_FACTOR * before and now - before >= _NULL_DEVIATIONS * deviation
    if is_more and now >= _LEAST_NULL_SHARE:
        yield Unusual("nulls", f"{now:.0%} of the records have no value, in earlier files at most {before:.1%}")


def _share_empty(profile: FieldProfile) -> float:
    return 1 - profile.share_filled


def _find_factor(new: FieldProfile, earlier: Sequence[FieldProfile]) -> Iterator[Unusual]:
    known = [each for each in earlier if each.filled >= FEWEST_VALUES and each.kind is ValueKind.NUMBER]
    if new.kind is not ValueKind.NUMBER or new.filled < FEWEST_VALUES or not known:
        return
    nearest = min(known, key=lambda each: abs(log(_factor(new, each))) if _factor(new, each) > 0 else float("inf"))
    factor = _factor(new, nearest)
    if factor <= 0:
        return
    is_other = abs(log(factor)) >= _LEAST_FACTOR
    unit = next(filter(None, (unit_factor(new, each) for each in known)), None) if is_other else None
    medians = f"the median is {_number(new)}, in earlier files {_number(nearest)}"
    if unit is not None:
        times, example = unit
        yield Unusual("unit", f"{medians}, a factor of {times}: another unit ({example})?")
    elif factor >= MEDIAN_FACTOR or factor <= 1 / MEDIAN_FACTOR:
        yield Unusual("median", f"{medians}: another unit, or other records than before?")


def _factor(new: FieldProfile, old: FieldProfile) -> float:
    """How many times the median is that of another file; 0 where that means nothing."""
    before, now = old.median, new.median
    return now / before if before and now and before * now > 0 else 0.0


def unit_factor(new: FieldProfile, old: FieldProfile) -> tuple[str, str] | None:
    """The factor between two units by which all of a column has changed, and units as an example."""
    ratios = [log(new.points[at] / old.points[at]) for at in _OCTILES if _same_sign(new, old, at)]
    if len(ratios) < len(_OCTILES):
        return None
    mean = sum(ratios) / len(ratios)
    factor = exp(abs(mean))
    tolerance = _ROUGH if factor >= _LOW_FACTOR else _CLOSE
    if max(abs(each - mean) for each in ratios) > (2 if factor >= _LOW_FACTOR else 3) * tolerance:
        return None
    known = min(UNIT_FACTORS, key=lambda each: abs(log(each) - abs(mean)))
    if abs(log(known) - abs(mean)) > tolerance:
        return None
    return (f"{known:,.4g}" if mean > 0 else f"1/{known:,.4g}", UNIT_FACTORS[known])


def _same_sign(new: FieldProfile, old: FieldProfile, at: int) -> bool:
    return bool(new.points) and bool(old.points) and new.points[at] * old.points[at] > 0


def _number(profile: FieldProfile) -> str:
    return point_as_text(profile.kind, profile.median or 0.0)


def _find_dominant_value(new: FieldProfile, earlier: Sequence[FieldProfile]) -> Iterator[Unusual]:
    if new.kind is ValueKind.DATE or new.filled < FEWEST_VALUES or _dominant(new) is None:
        return
    if any(each.filled < FEWEST_VALUES or _dominant(each) is not None for each in earlier):
        return  # files that are each about one thing
    value, share = _dominant(new) or ("", 0.0)
    before = max(each.frequent.get(value, 0) / each.filled for each in earlier)
    if before <= _MOST_USUAL_SHARE:
        yield Unusual("dominant_value", f"{share:.0%} of the values are `{value}`, in earlier files {before:.1%}")


def _dominant(profile: FieldProfile) -> tuple[str, float] | None:
    """The value that more than half of a column's cells hold, and its share."""
    if not profile.frequent:
        return None
    value = next(iter(profile.frequent))
    share = profile.frequent[value] / profile.filled
    return (value, share) if share >= DOMINANT_SHARE else None
