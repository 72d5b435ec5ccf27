"""Which values are odd: a version as a document, and what it says of a record.

The logarithm of a value is expected to be a curve of the logarithms of its inputs, for each group one of its own that
was shrunk towards that of all groups. A value is odd if it is many usual deviations away, and by a share that matters.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import msgspec

from logistics_core.models.artefacts import ArtefactError
from logistics_core.models.durations import InputError, Value, number_in, value_in

MOST_LOGARITHM = 700.0


class Curve(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    """What is usual in a group."""

    key: list[Value]
    coefficients: list[float]
    """Of 1, then of each input's logarithm and its square."""
    spread: float
    """The usual deviation of the logarithm."""
    seen: int


class OddValuesDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The artefact of a version."""

    kind: Literal["odd_values"] = "odd_values"
    method: Literal["residuals"] = "residuals"
    field: str
    unit: str | None
    by: list[str]
    per: list[str]
    centres: list[float]
    """Of each input's logarithm: what is subtracted from it, and stands for a missing one."""
    min_effect: float
    least_score: float
    coefficients: list[float]
    spread: float
    groups: list[Curve]


@dataclass(frozen=True)
class Judged:
    """What a version says of a value."""

    expected: float
    effect: float
    """The value divided by the expected one."""
    score: float
    """Usual deviations away, above 0 if the value is higher."""
    is_odd: bool
    seen: int
    """Records of the group that were learnt from."""
    is_complete: bool
    """Whether all inputs are known; otherwise it is not known what is usual, and nothing is odd."""


class OddValuesModel:
    """A version that can judge."""

    def __init__(self, document: OddValuesDocument) -> None:
        self.document = document
        length = 1 + 2 * len(document.per)
        curves = [document.coefficients, *(group.coefficients for group in document.groups)]
        if any(len(each) != length for each in curves) or len(document.centres) != len(document.per):
            raise ValueError(f"each curve must have {length} coefficients, and each input a centre.")
        if not all(each > 0 for each in (document.spread, *(group.spread for group in document.groups))):
            raise ValueError("spreads must be above 0.")

    @cached_property
    def _groups(self) -> dict[tuple[Value, ...], Curve]:
        return {tuple(group.key): group for group in self.document.groups}

    def predict(self, inputs: Mapping[str, Any]) -> Judged:
        """Judges a record by its inputs: the fields of `by` and `per`, and the value.

        Raises:
            InputError: one of them is missing or of another type.
        """
        document = self.document
        value = number_in(inputs, document.field)
        if value is None or value <= 0:
            raise InputError(f"{document.field} is {value!r}. Expected: a number above 0.")
        key = tuple(value_in(inputs, name) for name in document.by)
        return self.judge(value, key, [number_in(inputs, name) for name in document.per])

    def judge(self, value: float, key: Sequence[Value], inputs: Sequence[float | None]) -> Judged:
        """Judges a value above 0 of a record of a group."""
        document = self.document
        found = self._groups.get(tuple(key)) or Curve(list(key), document.coefficients, document.spread, 0)
        logarithm = found.coefficients[0]
        for place, (centre, each) in enumerate(zip(document.centres, inputs, strict=True)):
            term = math.log(each) - centre if each is not None and each > 0 else 0.0
            logarithm += found.coefficients[1 + 2 * place] * term + found.coefficients[2 + 2 * place] * term * term
        is_complete = all(each is not None and each > 0 for each in inputs)
        logarithm = max(-MOST_LOGARITHM, min(MOST_LOGARITHM, logarithm))
        residual = math.log(value) - logarithm
        score = residual / found.spread
        return Judged(
            math.exp(logarithm),
            math.exp(max(-MOST_LOGARITHM, min(MOST_LOGARITHM, residual))),
            score,
            is_complete and is_odd(residual, score, document.min_effect, document.least_score),
            found.seen,
            is_complete,
        )


def is_odd(residual: float, score: float, min_effect: float, least_score: float) -> bool:
    """Whether a value is far away, in usual deviations and as a share: 25 % more, or less by the same factor."""
    return abs(score) >= least_score and abs(residual) >= math.log1p(min_effect)


def read_odd_values(content: bytes) -> OddValuesModel:
    """A version from its artefact.

    Raises:
        ArtefactError: it is no such document.
    """
    try:
        return OddValuesModel(msgspec.json.decode(content, type=OddValuesDocument))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ArtefactError(f"The artefact is no document of a model of odd values: {error}") from error


def write_odd_values(document: OddValuesDocument) -> bytes:
    """The artefact of a version: the same document always has the same bytes."""
    return msgspec.json.encode(document, order="deterministic")
