"""How long something takes: a version as a document, and what it predicts of a record.

The logarithm of a duration is expected to be the mean of its group, which was shrunk when it was learnt; a group that
was never seen has what its fields say. What may come is that plus the spread times a quantile of residuals.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import msgspec

from logistics_core.models.artefacts import ArtefactError

MOST_LOGARITHM = 700.0
"""Of what a float can hold."""

Value = str | int | float | bool | None


class Group(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    """Records with the same values: what is known of them."""

    key: list[Value]
    mean: float
    """Of the logarithm, shrunk."""
    spread: float
    seen: int
    median: float
    """The naive prediction."""
    usual: float
    """The mean duration, which with a margin counts as promised where nothing else is."""


class FieldEffect(msgspec.Struct, forbid_unknown_fields=True, array_like=True):
    """How far the mean of a field's value is from that of all records."""

    value: Value
    effect: float


class DurationDocument(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The artefact of a version that was learnt as running means."""

    kind: Literal["duration"] = "duration"
    method: Literal["running_mean"] = "running_mean"
    unit: str
    by: list[str]
    per: list[str] = []
    """What a graph beside it takes in as well; the running means do not."""
    promise: str | None
    """The field with what was promised."""
    margin: float
    """What may be added to the usual duration of the group before it is late, in the unit."""
    window: int | None
    shrink: float
    probabilities: list[float]
    mean: float
    spread: float
    median: float
    usual: float
    effects: list[list[FieldEffect]]
    """Of each field's values; empty if there is one field alone."""
    groups: list[Group]
    residual_probabilities: list[float]
    residuals: list[float]
    """Quantiles of the residuals in spreads, ascending."""


@dataclass(frozen=True)
class Prediction:
    """What is likely of one record."""

    quantiles: tuple[float, ...]
    promise: float | None
    late_risk: float | None
    """Probability of taking longer than promised."""
    naive: float
    """The median of the group."""
    seen: int
    """Records of the group that were learnt from."""


class InputError(ValueError):
    """An input is missing or is no value of its kind; the message begins with its name."""


class DurationModel:
    """A version that can predict."""

    def __init__(self, document: DurationDocument) -> None:
        self.document = document
        _check(document)

    @cached_property
    def _groups(self) -> dict[tuple[Value, ...], Group]:
        return {tuple(group.key): group for group in self.document.groups}

    @cached_property
    def _effects(self) -> list[dict[Value, float]]:
        return [{each.value: each.effect for each in field} for field in self.document.effects]

    def predict(self, inputs: Mapping[str, Any]) -> Prediction:
        """What is likely of a record by its inputs: the fields of `by`, and what was promised if there is such a field.

        Raises:
            InputError: one of them is missing or of another type.
        """
        key = tuple(value_in(inputs, name) for name in self.document.by)
        promised = self.document.promise and number_in(inputs, self.document.promise)
        return self.of_group(key, promised or None)

    def of_group(self, key: Sequence[Value], promised: float | None = None) -> Prediction:
        """What is likely of a record of a group."""
        group = self._group(tuple(key))
        promise = promised
        if promise is None and self.document.promise is None:
            promise = group.usual + self.document.margin
        return self.spread_around(group.mean, group, promise)

    def spread_around(self, mean: float, group: Group, promise: float | None) -> Prediction:
        """What is likely around an expected logarithm."""
        document = self.document
        quantiles = tuple(
            math.exp(min(mean + group.spread * self._residual(each), MOST_LOGARITHM)) for each in document.probabilities
        )
        risk = None
        if promise is not None:
            risk = 1.0 if promise <= 0 else self._exceeded((math.log(promise) - mean) / group.spread)
        return Prediction(quantiles, promise, risk, group.median, group.seen)

    def group_of(self, key: Sequence[Value]) -> Group:
        """What is known of a group, or what its fields say of one that was never seen."""
        return self._group(tuple(key))

    def _group(self, key: tuple[Value, ...]) -> Group:
        found = self._groups.get(key)
        if found is not None:
            return found
        document = self.document
        effect = sum(known.get(value, 0.0) for known, value in zip(self._effects, key, strict=False))
        scale = math.exp(min(effect, MOST_LOGARITHM))
        return Group(
            list(key), document.mean + effect, document.spread, 0, document.median * scale, document.usual * scale
        )

    def _residual(self, probability: float) -> float:
        return _interpolated(probability, self.document.residual_probabilities, self.document.residuals)

    def _exceeded(self, residual: float) -> float:
        return 1 - _interpolated(residual, self.document.residuals, self.document.residual_probabilities)


def read_duration(content: bytes) -> DurationModel:
    """A version from its artefact.

    Raises:
        ArtefactError: it is no such document.
    """
    try:
        return DurationModel(msgspec.json.decode(content, type=DurationDocument))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ArtefactError(f"The artefact is no document of a model of durations: {error}") from error


def write_duration(document: DurationDocument) -> bytes:
    """The artefact of a version: the same document always has the same bytes."""
    return msgspec.json.encode(document, order="deterministic")


def _check(document: DurationDocument) -> None:
    rising = document.residuals == sorted(document.residuals)
    if not rising or len(document.residuals) != len(document.residual_probabilities) or not document.residuals:
        raise ValueError("residuals must be as many as residual_probabilities, ascending, and at least one.")
    if document.residual_probabilities != sorted(document.residual_probabilities):
        raise ValueError("residual_probabilities must ascend.")
    spreads = [document.spread, *(group.spread for group in document.groups)]
    if not all(spread > 0 and math.isfinite(spread) for spread in spreads):
        raise ValueError("spreads must be above 0.")
    if any(len(group.key) != len(document.by) for group in document.groups):
        raise ValueError("a group must have a value for each field of `by`.")


def _interpolated(at: float, known: Sequence[float], values: Sequence[float]) -> float:
    place = bisect_left(known, at)
    if place == 0:
        return values[0]
    if place == len(known):
        return values[-1]
    before, after = known[place - 1], known[place]
    share = 1.0 if after == before else (at - before) / (after - before)
    return values[place - 1] + share * (values[place] - values[place - 1])


def value_in(inputs: Mapping[str, Any], name: str) -> Value:
    """An input that is a value of a group. Raises InputError if it is missing or nested."""
    if name not in inputs:
        raise InputError(f"{name}: it is missing. Expected: its value, or null.")
    value = inputs[name]
    if value is not None and not isinstance(value, str | int | float | bool):
        raise InputError(f"{name} is {type(value).__name__}. Expected: a text, a number, true, false or null.")
    return value


def number_in(inputs: Mapping[str, Any], name: str) -> float | None:
    """An input that is a number; None if it is missing. Raises InputError if it is none."""
    value = inputs.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name} is {value!r}. Expected: a number, or null.")
    return float(value)
