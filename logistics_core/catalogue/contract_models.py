"""Reads the key `models` of a contract."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from logistics_core.catalogue.contract_shapes import known_field
from logistics_core.catalogue.model import NESTED_TYPES, NUMERIC_TYPES, Dating, Field, FieldType
from logistics_core.catalogue.models import DURATION, HOURS_PER_UNIT, ODD_VALUES, DeclaredModel

MAX_MODELS = 20
MAX_FIELDS = 8
"""Of each list."""
_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_LEAST_EFFECT, _LARGEST_EFFECT = Decimal("0.01"), Decimal(100)


class ModelKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An entry of `models` in a contract."""

    name: str
    predicts: str | None = None
    watches: str | None = None
    by: list[str]
    per: list[str] = []
    promise: str | None = None
    min_effect: float | None = None


def read_models(
    declared: Sequence[ModelKeys], fields: Mapping[str, Field], dating: Dating | None, key: Sequence[str]
) -> tuple[DeclaredModel, ...]:
    """The models of a contract. Fields of records referred to are looked up later, in the catalogue.

    Raises:
        ValueError: one of them cannot be made; the message begins with its key.
    """
    if len(declared) > MAX_MODELS:
        raise ValueError(f"models: a dataset has at most {MAX_MODELS}, not {len(declared)}.")
    if declared and dating is None:
        raise ValueError("models: records have no day, so what was known when is unknown. Add `datedBy`.")
    if declared and not key:
        raise ValueError("models: records have no key, so none can be predicted and found again. Add `primaryKey`.")
    found = tuple(_entry(each, f"models[{number}]", fields) for number, each in enumerate(declared))
    names = [each.name for each in found]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"models[{number}].name is {name}, as is that of models[{names.index(name)}].")
    for number, each in enumerate(found):
        for list_name, listed in (("by", each.by), ("per", each.per)):
            if each.field in listed:
                raise ValueError(
                    f"models[{number}].{list_name} names {each.field}, which is what the model is about. Remove it."
                )
    return found


def _entry(keys: ModelKeys, where: str, fields: Mapping[str, Field]) -> DeclaredModel:
    if not _NAME.fullmatch(keys.name):
        raise ValueError(f"{where}.name is {keys.name!r}. Expected: up to 40 of a-z, 0-9 and _, a letter first.")
    if (keys.predicts is None) == (keys.watches is None):
        raise ValueError(f"{where} must have either `predicts` (a duration) or `watches` (a value that may be odd).")
    _check_names(keys.by, f"{where}.by", fields)
    _check_names(keys.per, f"{where}.per", fields, numeric=True)
    if not keys.by:
        raise ValueError(f"{where}.by must name at least one field: what records have in common that are alike.")
    if keys.predicts is not None:
        return _duration(keys, keys.predicts, where, fields)
    assert keys.watches is not None
    _number(keys.watches, f"{where}.watches", fields)
    if keys.promise is not None:
        raise ValueError(f"{where}.promise goes with `predicts` alone.")
    effect = DeclaredModel.min_effect if keys.min_effect is None else Decimal(repr(keys.min_effect))
    if effect.is_nan() or not _LEAST_EFFECT <= effect <= _LARGEST_EFFECT:
        raise ValueError(f"{where}.minEffect must be from {_LEAST_EFFECT} to {_LARGEST_EFFECT}, not {effect}.")
    return DeclaredModel(
        keys.name, ODD_VALUES, keys.watches, tuple(keys.by), tuple(keys.per), min_effect=effect.normalize()
    )


def _duration(keys: ModelKeys, name: str, where: str, fields: Mapping[str, Field]) -> DeclaredModel:
    field = _number(name, f"{where}.predicts", fields)
    units = ", ".join(HOURS_PER_UNIT)
    if field.unit not in HOURS_PER_UNIT:
        raise ValueError(
            f"{where}.predicts names {name}, whose unit is {field.unit or 'not given'}. A duration has one of {units}: "
            "it says when the record was complete, and so what was known when."
        )
    if keys.promise is not None:
        promise = _number(keys.promise, f"{where}.promise", fields)
        if promise.unit != field.unit:
            raise ValueError(f"{where}.promise names {promise.name}, whose unit must be {field.unit}, as of {name}.")
    if keys.min_effect is not None:
        raise ValueError(f"{where}.minEffect goes with `watches` alone.")
    return DeclaredModel(keys.name, DURATION, name, tuple(keys.by), tuple(keys.per), keys.promise)


def _number(name: str, where: str, fields: Mapping[str, Field]) -> Field:
    field = known_field(name, fields, where)
    if field.type not in NUMERIC_TYPES:
        raise ValueError(f"{where} names {name}, whose type is {field.type}: it must be a number.")
    return field


def _check_names(names: Sequence[str], where: str, fields: Mapping[str, Field], *, numeric: bool = False) -> None:
    if len(names) > MAX_FIELDS:
        raise ValueError(f"{where} has at most {MAX_FIELDS} fields, not {len(names)}.")
    if len(set(names)) < len(names):
        raise ValueError(f"{where} names a field twice.")
    for name in names:
        if "." not in name:
            check_type(name, known_field(name, fields, where).type, where, numeric=numeric)


def check_type(name: str, type_: FieldType, where: str, *, numeric: bool) -> None:
    """Raises ValueError if no model can read a field of this type, or one of numbers that has none."""
    if type_ in NESTED_TYPES or (numeric and type_ not in NUMERIC_TYPES):
        expected = "a number" if numeric else "a single value"
        raise ValueError(f"{where} names {name}, whose type is {type_}: it must be {expected}.")


def paths_of(models: Collection[DeclaredModel]) -> Iterator[tuple[str, str, bool]]:
    """The fields of records referred to that models name: each with its key, and whether it must be a number."""
    for number, model in enumerate(models):
        for names, key, numeric in ((model.by, "by", False), (model.per, "per", True)):
            for name in names:
                if "." in name:
                    yield f"models[{number}].{key}", name, numeric
