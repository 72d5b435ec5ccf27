"""The rules of the definition q1: which cells, records or files each tests, and which of them pass.

Every failure counts against one rule: a required value that is missing against completeness, a value outside its bounds
against plausibility, any other rejected value against validity. docs/quality.md is the same for people.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from logistics_core.catalogue import Dataset, Field
from logistics_core.quality.counts import Counts, Failure


class Dimension(StrEnum):
    """What a rule says something about, by the names of ISO/IEC 25012 where it has one."""

    COMPLETENESS = "completeness"
    VALIDITY = "validity"
    UNIQUENESS = "uniqueness"
    CONSISTENCY = "consistency"
    TIMELINESS = "timeliness"
    PLAUSIBILITY = "plausibility"


@dataclass(frozen=True)
class Rule:
    """How many of the things that a rule has tested passed. `tested` is at least 1."""

    dimension: Dimension
    name: str
    field: str | None
    """The field it tests; None if it tests records or files."""
    passed: int
    tested: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.passed / self.tested

    @property
    def failed(self) -> int:
        return self.tested - self.passed


def rules_of(dataset: Dataset, counts: Counts, arrivals: tuple[int, int] = (0, 0)) -> list[Rule]:
    """The rules that have tested something, by dimension, then in the order of the fields.

    `arrivals` are the periods in which a file arrived, and all that are over, where the contract expects some.
    """
    return [rule for dimension in Dimension for rule in _RULES[dimension](dataset, counts, arrivals) if rule.tested]


def _completeness(dataset: Dataset, counts: Counts, arrivals: tuple[int, int]) -> Iterator[Rule]:
    for field in dataset.fields:
        if field.required or field.is_expected:
            tested = counts.loaded + counts.rejected[field.name, Failure.MISSING]
            yield Rule(Dimension.COMPLETENESS, "filled", field.name, counts.filled[field.name], tested)


def _validity(dataset: Dataset, counts: Counts, arrivals: tuple[int, int]) -> Iterator[Rule]:
    known = {field.name for field in dataset.fields}
    as_a_whole = sum(count for (name, failure), count in counts.rejected.items() if name not in known)
    yield Rule(Dimension.VALIDITY, "readable", None, counts.read - as_a_whole, counts.read)
    for field in dataset.fields:
        passed = counts.filled[field.name]
        failed = counts.rejected[field.name, Failure.INVALID] + counts.cleared[field.name, Failure.INVALID]
        yield Rule(Dimension.VALIDITY, "valid", field.name, passed, passed + failed)


def _uniqueness(dataset: Dataset, counts: Counts, arrivals: tuple[int, int]) -> Iterator[Rule]:
    if dataset.key:
        tested = counts.loaded + counts.superseded
        yield Rule(Dimension.UNIQUENESS, "unique", together(dataset.key), counts.loaded, tested)


def together(fields: Iterable[str]) -> str:
    """What a rule about several fields at once names as its field."""
    return ", ".join(fields)


def _consistency(dataset: Dataset, counts: Counts, arrivals: tuple[int, int]) -> Iterator[Rule]:
    yield Rule(Dimension.CONSISTENCY, "known_fields", None, counts.files_as_agreed, counts.files)
    for reference in dataset.references:
        fields = together(reference.fields)
        yield Rule(Dimension.CONSISTENCY, "refers", fields, counts.found[fields], counts.asked[fields])


def _timeliness(dataset: Dataset, counts: Counts, arrivals: tuple[int, int]) -> Iterator[Rule]:
    yield Rule(Dimension.TIMELINESS, "arrived", None, *arrivals)


def _plausibility(dataset: Dataset, counts: Counts, arrivals: tuple[int, int]) -> Iterator[Rule]:
    for field in dataset.fields:
        if _has_bounds(field):
            passed = counts.filled[field.name]
            failed = sum(each[field.name, Failure.OUT_OF_BOUNDS] for each in (counts.rejected, counts.cleared))
            yield Rule(Dimension.PLAUSIBILITY, "within_bounds", field.name, passed, passed + failed)


def _has_bounds(field: Field) -> bool:
    return bool(field.bounds)


_RULES = {
    Dimension.COMPLETENESS: _completeness,
    Dimension.VALIDITY: _validity,
    Dimension.UNIQUENESS: _uniqueness,
    Dimension.CONSISTENCY: _consistency,
    Dimension.TIMELINESS: _timeliness,
    Dimension.PLAUSIBILITY: _plausibility,
}
