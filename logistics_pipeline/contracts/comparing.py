"""What differs between two contracts of a dataset, change by change, and whether files and rows still fit.

Pure: knows no database. A change is compatible if every file that loaded before loads alike, and every row stays what
it was. All others are breaking. Those that the table cannot follow need it to be empty.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from logistics_core.catalogue import Dataset, Field, FieldType, InvalidValues
from logistics_pipeline.loading.excerpts import excerpt


class Effect(StrEnum):
    """What a change does to the files and rows that there are."""

    COMPATIBLE = "compatible"
    READING = "reading"
    """Breaking: files may be read or judged otherwise than before. Rows stay as they are."""
    TABLE = "table"
    """Breaking: the rows that there are do not fit. The table must be empty."""


@dataclass(frozen=True)
class Change:
    """One difference, in a sentence."""

    text: str
    effect: Effect = Effect.COMPATIBLE

    @property
    def is_compatible(self) -> bool:
        return self.effect is Effect.COMPATIBLE


def are_compatible(changes: Iterable[Change]) -> bool:
    """Whether none is breaking."""
    return all(change.is_compatible for change in changes)


def changes_between(old: Dataset, new: Dataset) -> list[Change]:
    """Every difference between two contracts of one dataset; none if they mean the same."""
    return [*_of_fields(old, new), *_of_dataset(old, new)]


# -- fields ----------------------------------------------------------------------------------------------------------


def _of_fields(old: Dataset, new: Dataset) -> Iterator[Change]:
    before, after = _by_name(old), _by_name(new)
    for name in before.keys() - after.keys():
        yield Change(f"The field {name} is removed.", Effect.TABLE)
    for name, field in after.items():
        if name not in before:
            yield _added(field)
        else:
            yield from changes_of_field(before[name], field)
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        yield Change("The order of the fields changes.")


def _by_name(dataset: Dataset) -> dict[str, Field]:
    return {field.name: field for field in dataset.fields}


def _added(field: Field) -> Change:
    if field.required:
        return Change(f"The field {field.name} ({field.type}) is new and required.", Effect.TABLE)
    return Change(f"The field {field.name} ({field.type}) is new and optional.")


def changes_of_field(old: Field, new: Field) -> Iterator[Change]:
    """Every difference between two definitions of one field."""
    for rule in _RULES:
        yield from rule(old, new)
    for attribute in fields(Field):
        if attribute.name not in _WITH_RULE:
            yield from _other(attribute.name, old, new)


def _type(old: Field, new: Field) -> Iterator[Change]:
    if old.type is new.type:
        return
    is_widened = (str(old.type), new.type) == ("integer", FieldType.NUMBER)
    yield Change(f"{new.name}: {old.type} becomes {new.type}.", Effect.COMPATIBLE if is_widened else Effect.TABLE)


def _required(old: Field, new: Field) -> Iterator[Change]:
    if old.required and not new.required:
        yield Change(f"{new.name}: becomes optional.")
    elif new.required and not old.required:
        yield Change(f"{new.name}: becomes required.", Effect.TABLE)


_Bound = tuple[Any, bool]
"""A value, and whether it is excluded itself."""


def _lower(field: Field) -> _Bound | None:
    if field.first_day is not None:
        return field.first_day, False
    given: list[tuple[Decimal, bool]] = []
    given += [] if field.at_least is None else [(field.at_least, False)]
    given += [] if field.above is None else [(field.above, True)]
    return max(given, default=None)


def _upper(field: Field) -> _Bound | None:
    if field.last_day is not None:
        return field.last_day, False
    given: list[tuple[Decimal, bool]] = []
    given += [] if field.at_most is None else [(field.at_most, False)]
    given += [] if field.below is None else [(field.below, True)]
    return min(given, key=lambda bound: (bound[0], not bound[1]), default=None)


def _is_narrower(old: _Bound | None, new: _Bound | None, *, is_lower: bool) -> bool:
    """Whether a value may have been within the old bound and be outside the new one."""
    if new is None or old is None:
        return new is not None
    if type(old[0]) is not type(new[0]):
        return True
    if old[0] == new[0]:
        return new[1] and not old[1]
    return bool(new[0] > old[0]) if is_lower else bool(new[0] < old[0])


def _bounds(old: Field, new: Field) -> Iterator[Change]:
    for word, bound, is_lower in (("minimum", _lower, True), ("maximum", _upper, False)):
        before, after = bound(old), bound(new)
        if before != after:
            is_narrower = _is_narrower(before, after, is_lower=is_lower)
            how = "narrower, so that values that were valid are not" if is_narrower else "wider"
            yield Change(
                f"{new.name}: the {word} {_bound_text(before)} becomes {_bound_text(after)}: {how}.",
                Effect.READING if is_narrower else Effect.COMPATIBLE,
            )


def _bound_text(bound: _Bound | None) -> str:
    if bound is None:
        return "(none)"
    return f"{bound[0]}{' (excluded)' if bound[1] else ''}"


def _missing_values(old: Field, new: Field) -> Iterator[Change]:
    more, fewer = new.missing_words - old.missing_words, old.missing_words - new.missing_words
    if more:
        yield Change(f"{new.name}: {_quoted(more)} {_means(more)} nothing from now on.")
    if fewer:
        yield Change(f"{new.name}: {_quoted(fewer)} {_means(fewer)} nothing no longer.", Effect.READING)


def _means(words: frozenset[str]) -> str:
    return "means" if len(words) == 1 else "mean"


def _invalid_values(old: Field, new: Field) -> Iterator[Change]:
    if old.invalid_values is new.invalid_values:
        return
    is_looser = new.invalid_values is InvalidValues.NULL
    yield Change(
        f"{new.name}: invalidValues {_value(old.invalid_values)} becomes {_value(new.invalid_values)}.",
        Effect.COMPATIBLE if is_looser else Effect.READING,
    )


def _unit(old: Field, new: Field) -> Iterator[Change]:
    if old.unit == new.unit:
        return
    if old.unit is None:
        yield Change(f"{new.name}: has the unit {new.unit}.")
    else:
        yield Change(
            f"{new.name}: the unit {old.unit} becomes {_value(new.unit)}: its values mean something else.",
            Effect.READING,
        )


def _aliases(old: Field, new: Field) -> Iterator[Change]:
    before: tuple[str, ...] = getattr(old, "aliases", ())
    after: tuple[str, ...] = getattr(new, "aliases", ())
    if more := [name for name in after if name not in before]:
        yield Change(f"{new.name}: is also the column {_quoted(more)}.")
    if fewer := [name for name in before if name not in after]:
        yield Change(f"{new.name}: is the column {_quoted(fewer)} no longer.", Effect.READING)


_TEXTS = ("title", "description", "role", "example", "is_expected")
"""What nothing is read or judged by."""


def _texts(old: Field, new: Field) -> Iterator[Change]:
    changed = [name for name in _TEXTS if getattr(old, name, None) != getattr(new, name, None)]
    if changed:
        names = ", ".join(name.replace("_", " ") for name in changed)
        yield Change(f"{new.name}: {names} {'changes' if len(changed) == 1 else 'change'}.")


_RULES: tuple[Callable[[Field, Field], Iterator[Change]], ...] = (
    _type,
    _required,
    _bounds,
    _missing_values,
    _invalid_values,
    _unit,
    _aliases,
    _texts,
)

_WITH_RULE = frozenset({
    "name", "type", "required", "above", "at_least", "below", "at_most", "first_day", "last_day",
    "missing_values", "invalid_values", "unit", "aliases", *_TEXTS,
})  # fmt: skip

_OF_TABLE = frozenset({"has_time_zone"})
"""Attributes that decide the type of the column."""


def _other(attribute: str, old: Field, new: Field) -> Iterator[Change]:
    """Anything else decides how values are read, such as the decimal character or the format of dates."""
    before, after = getattr(old, attribute), getattr(new, attribute)
    if before != after:
        yield Change(
            f"{new.name}: {_key(attribute)} {_value(before)} becomes {_value(after)}.",
            Effect.TABLE if attribute in _OF_TABLE else Effect.READING,
        )


# -- the dataset -----------------------------------------------------------------------------------------------------


_EFFECTS: Mapping[str, Effect] = {
    "title": Effect.COMPATIBLE,
    "description": Effect.COMPATIBLE,
    "references": Effect.COMPATIBLE,
    "indexes": Effect.COMPATIBLE,
    "expectations": Effect.COMPATIBLE,
    "path": Effect.COMPATIBLE,
    "declared_metrics": Effect.COMPATIBLE,
    "declared_rollups": Effect.COMPATIBLE,
    "forecasts": Effect.COMPATIBLE,
    "history": Effect.COMPATIBLE,
    "external_ids": Effect.COMPATIBLE,
    "links": Effect.COMPATIBLE,
    "entity": Effect.COMPATIBLE,
    "models": Effect.COMPATIBLE,
    "key": Effect.TABLE,
}
"""By attribute of a dataset; any other decides how files are read, or what its users call it."""

_DERIVED = frozenset({"name", "fields", "dated_through", "parent"})


def _of_dataset(old: Dataset, new: Dataset) -> Iterator[Change]:
    for attribute in fields(Dataset):
        before, after = getattr(old, attribute.name), getattr(new, attribute.name)
        if attribute.name not in _DERIVED and before != after:
            yield _of_attribute(attribute.name, before, after)


def _of_attribute(name: str, before: Any, after: Any) -> Change:
    effect = _EFFECTS.get(name, Effect.READING)
    if name == "has_extras":
        if after:
            return Change("Columns that the contract does not know are kept from now on.")
        return Change("Columns that the contract does not know are kept no longer.", Effect.READING)
    if name == "history" and (before is None or after is None):
        return Change(
            "Records that others supersede are kept from now on."
            if before is None
            else "Records that others supersede are kept no longer; those that were kept stay."
        )
    if name == "is_key_confirmed":
        return Change(f"The key is {'confirmed' if after else 'not confirmed any more'}.")
    if name == "key":
        return Change(f"The key {_value(before)} becomes {_value(after)}.", effect)
    if name == "singular":
        return Change(f"singular {before} becomes {after}: operations of the API have other names.", effect)
    word = _DATASET_KEYS.get(name, _key(name))
    return Change(f"{word} {'change' if word.endswith('s') else 'changes'}.", effect)


_DATASET_KEYS = {
    "title": "The title",
    "description": "The description",
    "references": "The relations",
    "indexes": "The indexes",
    "expectations": "The expectations",
    "dating": "datedBy",
    "dialect": "The dialect of CSV files",
    "encoding": "The encoding of files",
    "declared_metrics": "The metrics",
    "declared_rollups": "The dimensions of the pre-aggregates",
    "forecasts": "The forecasts",
    "history": "The snapshots of its history",
    "external_ids": "The external ids",
    "links": "What its records link",
    "entity": "What is said about its records as master records",
    "models": "The models",
}

_KEYS = {
    "is_bare_number": "bareNumber",
    "has_time_zone": "timeZone",
    "has_negative_parentheses": "negativeParentheses",
}


def _key(attribute: str) -> str:
    """The key of a contract that an attribute is read from."""
    first, *others = attribute.split("_")
    return _KEYS.get(attribute, first + "".join(map(str.capitalize, others)))


def _value(value: Any) -> str:
    if value is None or value == ():
        return "(none)"
    if isinstance(value, tuple | frozenset):
        return ", ".join(map(str, value))
    return str(value)


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f'"{excerpt(text, 60)}"' for text in sorted(texts))
