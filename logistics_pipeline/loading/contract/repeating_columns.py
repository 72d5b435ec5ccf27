"""Validates columns whose values repeat: times of day, durations, years, months, booleans, dates of a pattern."""

import re
from collections.abc import Callable, Collection
from decimal import Decimal

from logistics_core.catalogue import Field, FieldType
from logistics_pipeline.loading.contract.columns import NULL, Column, ColumnValidator, Texts
from logistics_pipeline.loading.contract.record_validator import Rejection

_PLAIN = {
    FieldType.TIME: r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]",
    FieldType.DURATION: r"(?:[0-9]{2}|[1-9][0-9]{2,5}):[0-5][0-9]:[0-5][0-9]",
    FieldType.YEAR: "[1-9][0-9]{3}",
    FieldType.YEAR_MONTH: "[12][0-9]{3}-(?:0[1-9]|1[0-2])",
}
"""What stands as it is, and needs no look at single values."""
_PLAIN_FORMATS = {FieldType.TIME: "%H:%M:%S", FieldType.DURATION: "%H:%M:%S", FieldType.YEAR_MONTH: "%Y-%m"}

_OTHER = object()


class RepeatingColumn(ColumnValidator):
    """The reference reads each distinct value once."""

    _MAX_KNOWN = 10_000

    def __init__(self, field: Field, validate: Callable[[object], str | Rejection | None]) -> None:
        super().__init__(field)
        self._validate = validate
        self._known: dict[object, str | None] = {}
        """COPY text of the values seen so far; None for what the reference must reject."""
        self._known_integers: dict[object, str | None] = {}
        """The same of columns of nothing but integers, which are equal to nothing else there."""
        self._rejected = set[object]()
        """Of both, what the reference must reject."""
        self._plain = _plain_column(field)

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        if self._plain is not None and self._are_plain(column, self._plain):
            return column, ()  # type: ignore[return-value]  # all are texts
        known, distinct = self._known, _texts_among(column)
        if distinct is None:
            types = set(map(type, column))
            if types == {int}:
                known = self._known_integers
            elif not types <= {str, bool, type(None)}:
                column = [_distinct(value) for value in column]
            distinct = set(column)
        if len(known) > self._MAX_KNOWN:
            for each in (self._known, self._known_integers, self._rejected):
                each.clear()
        for value in distinct.difference(known):
            known[value] = text = self._read(value)
            if text is None:
                self._rejected.add(value)
        found = list(map(known.__getitem__, column))
        if self._rejected.isdisjoint(distinct):
            return found, ()  # type: ignore[return-value]  # without None
        irregular = [index for index, text in enumerate(found) if text is None]
        return [text or "" for text in found], irregular

    @staticmethod
    def _are_plain(column: Column, plain: re.Pattern[str]) -> bool:
        try:
            return plain.fullmatch("\n".join(column)) is not None  # type: ignore[arg-type]  # anything but text raises
        except TypeError:
            return False

    def _read(self, value: object) -> str | None:
        if value is _OTHER:
            return None
        text = self._validate(value[1] if isinstance(value, tuple) else value)
        return None if isinstance(text, Rejection) else NULL if text is None else text


def _texts_among(column: Column) -> set[object] | None:
    """The distinct values of a column of nothing but texts and nulls, which are equal to nothing else; or None."""
    try:
        distinct = set(column)
    except TypeError:  # arrays or objects
        return None
    return distinct if set(map(type, distinct)) <= {str, type(None)} else None


def _distinct(value: object) -> object:
    """Stands for a value among others: to Python, 1 and true are equal."""
    if isinstance(value, str | bool | None):
        return value
    return (type(value), value) if isinstance(value, int | Decimal) else _OTHER


def _plain_column(field: Field) -> re.Pattern[str] | None:
    plain = _PLAIN.get(field.type)
    if plain is None or field.bounds or field.format not in (None, "default", _PLAIN_FORMATS.get(field.type)):
        return None
    if field.type is FieldType.DURATION and field.format == "default":
        return None
    if any(re.fullmatch(plain, word) for word in field.missing_words):
        return None
    return re.compile(rf"{plain}(?:\n{plain})*+", re.ASCII)
