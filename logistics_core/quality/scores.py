"""Scores: the mean of the dimensions that were tested; a dimension is the mean of its rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import fsum
from operator import attrgetter

from logistics_core.quality.rules import Dimension, Rule

DEFINITION = "q1"
"""The definition by which everything here is computed. Scores of different definitions are not compared."""

DIGITS = 6
ALMOST_ALL = 0.999999
"""The highest score of something that is not perfect."""


@dataclass(frozen=True)
class DimensionScore:
    """One dimension that was tested."""

    dimension: Dimension
    score: float
    """The mean of the shares of its rules, whatever the number of cells behind each: no rule drowns."""
    passed: int
    tested: int
    """Cells, records and files behind it."""
    rules: Sequence[Rule]
    worst: Rule
    """The rule with the lowest share; of several, the one with the most failures."""


@dataclass(frozen=True)
class Score:
    """A score with the dimensions it is the mean of."""

    score: float | None
    """From 0 to 1; None if nothing was tested."""
    dimensions: Sequence[DimensionScore]

    @property
    def tested(self) -> int:
        """Cells, records and files behind it."""
        return sum(each.tested for each in self.dimensions)

    @property
    def worst(self) -> Rule | None:
        """The rule with the lowest share of all; None if no rule has failed for anything."""
        failed = [each.worst for each in self.dimensions if each.worst.failed]
        return _worst(failed) if failed else None


def score_of(rules: Iterable[Rule]) -> Score:
    """The score of rules that are sorted by dimension."""
    dimensions = [_dimension(each, list(group)) for each, group in groupby(rules, attrgetter("dimension"))]
    mean = _mean([each.score for each in dimensions], are_all_passed=all(each.score == 1 for each in dimensions))
    return Score(mean if dimensions else None, dimensions)


def _dimension(dimension: Dimension, rules: list[Rule]) -> DimensionScore:
    passed, tested = sum(rule.passed for rule in rules), sum(rule.tested for rule in rules)
    mean = _mean([rule.share for rule in rules], are_all_passed=passed == tested)
    return DimensionScore(dimension, mean, passed, tested, rules, _worst(rules))


def _worst(rules: list[Rule]) -> Rule:
    return min(rules, key=lambda rule: (rule.share, -rule.failed))


def _mean(shares: Sequence[float], *, are_all_passed: bool) -> float:
    """Rounded, but 1 only where nothing has failed."""
    if are_all_passed or not shares:
        return 1.0
    return min(round(fsum(shares) / len(shares), DIGITS), ALMOST_ALL)
