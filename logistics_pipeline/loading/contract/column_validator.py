"""Validates whole columns: plainly valid values become COPY text, the indexes of all others are returned.

Nothing is rejected here. A value that is not plain may still be valid, so its record goes to `record_validator`, the
reference for every rule. A column therefore only has to recognise values that the reference would take unchanged,
which takes a few passes in C over all of them at once: about 0.1 microseconds a value instead of 1.
"""

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.loading.contract.columns import NULL, Column, ColumnValidator, Texts
from logistics_pipeline.loading.contract.date_columns import DateColumn
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_formats import AS_THE_CONTRACT, FileFormats
from logistics_pipeline.loading.contract.nested_columns import NestedColumn
from logistics_pipeline.loading.contract.number_columns import IntegerColumn, NumberColumn, NumberTexts
from logistics_pipeline.loading.contract.record_days import day_of_record
from logistics_pipeline.loading.contract.record_validator import value_validator
from logistics_pipeline.loading.contract.repeating_columns import RepeatingColumn
from logistics_pipeline.loading.contract.text_columns import TextColumn
from logistics_pipeline.loading.contract.timestamp_columns import TimestampColumn

MIN_SHORT_SHARE = 8
"""If more than one in this many rows is long, every value is measured."""

MIN_PLAIN_SHARE = 32
"""If more than one in this many rows is not plain, all are copied in place of taking single ones out."""


@dataclass(frozen=True)
class Encoded:
    """The result of encoding consecutive records."""

    lines: list[str]
    """COPY text of the plain records: their values and record numbers."""
    days: frozenset[str]
    """The days that these lines make stale, as ISO dates, if the records hold their own date."""
    nulls: list[int]
    """How many of these lines hold NULL, by column."""
    irregular: dict[int, list[int]]
    """The other records, by index in order: the positions of their fields whose values are not plain. The reference
    must decide."""


class ColumnEncoder:
    """Encodes runs of consecutive records of a dataset."""

    def __init__(
        self,
        dataset: Dataset,
        date_order: DateOrder | None = None,
        formats: FileFormats = AS_THE_CONTRACT,
        *,
        holds_dates_back: bool = False,
    ) -> None:
        self._validators = [_column_validator(field, date_order, formats, holds_dates_back) for field in dataset.fields]
        self._optional = {position for position, field in enumerate(dataset.fields) if not field.required}
        self._has_no_required = len(self._optional) == len(dataset.fields)
        """Then what is no record at all is like one without values."""
        self._dating = dataset.own_date_index
        self._day_of = day_of_record(dataset) if self._dating is not None else None

    def encode(self, columns: Sequence[Column], first_number: int, extras: Texts | None = None) -> Encoded:
        """Encodes records given as one column per field of the dataset, numbered from `first_number`.

        `extras` is the column of that name, for a dataset that has it.

        Raises:
            FormatsNeededError: formats were not looked for, and only its whole column can explain a value.
        """
        numbers = range(first_number, first_number + len(columns[0]))
        texts, irregular = list[Texts](), dict[int, list[int]]()
        changed = list[int]()
        """Positions of the columns in which there may be NULL."""
        for position, (validator, column) in enumerate(zip(self._validators, columns, strict=True)):
            plain, irregular_here = validator.encode(column)
            texts.append(plain)
            if plain is not column or isinstance(plain, NumberTexts):
                changed.append(position)
            for index in irregular_here:
                irregular.setdefault(index, []).append(position)
        if self._has_no_required:
            for index in _without_values(texts):
                irregular.setdefault(index, [])
        filled = texts if extras is None else [*texts, extras]
        lines = list(map("\t".join, zip(*filled, map(str, numbers), strict=True)))
        if not self._find_long_values(texts, lines, irregular):
            return self.encode(columns, first_number, extras)
        nulls = self._count_nulls(texts, changed, irregular)
        days: Texts = texts[self._dating] if self._dating is not None else ()
        if irregular:
            irregular = dict(sorted(irregular.items()))
            lines = _without(irregular, lines)
            days = _without(irregular, days) if days else days
        return Encoded(lines, self._days_of(days), nulls, irregular)

    def _days_of(self, dates: Texts) -> frozenset[str]:
        distinct = frozenset(dates) - {NULL}
        return distinct if self._day_of is None else frozenset(map(self._day_of, distinct))

    def _find_long_values(self, texts: Sequence[Texts], lines: Sequence[str], irregular: dict[int, list[int]]) -> bool:
        """Adds values that are too long to those that are not plain.

        False if too many rows may hold one: from now on, the validators measure single values themselves.
        """
        unchecked = [
            (position, each)
            for position, each in enumerate(self._validators)
            if not each.checks_lengths and each.max_characters < sys.maxsize
        ]
        longest = max(map(len, lines), default=0) if unchecked else 0
        too_short = [(position, each) for position, each in unchecked if each.max_characters < longest]
        if not too_short:
            return True
        shortest = min(each.max_characters for _, each in too_short)
        long = [index for index, line in enumerate(lines) if len(line) > shortest]
        if len(long) * MIN_SHORT_SHARE > len(lines):
            for _, each in too_short:
                each.checks_lengths = True
            return False
        for index in long:
            positions = [position for position, each in too_short if len(texts[position][index]) > each.max_characters]
            if positions:
                irregular[index] = sorted({*irregular.get(index, ()), *positions})
        return True

    def _count_nulls(self, texts: Sequence[Texts], positions: Iterable[int], irregular: Iterable[int]) -> list[int]:
        """Counts NULLs in the columns at some positions, but for those in the records at some indexes."""
        nulls = [0] * len(texts)
        for position in self._optional.intersection(positions):
            column = texts[position]
            if number := column.count(NULL):
                nulls[position] = number - sum(column[index] == NULL for index in irregular)
        return nulls


def _without(indexes: Collection[int], texts: Texts) -> list[str]:
    """The texts but for those at some indexes, which are in order."""
    rest = list(texts)
    if len(indexes) * MIN_PLAIN_SHARE > len(rest):
        is_plain = bytearray(b"\1") * len(rest)
        for index in indexes:
            is_plain[index] = 0
        return list(compress(rest, is_plain))
    for index in reversed(list(indexes)):
        del rest[index]
    return rest


def _without_values(texts: Sequence[Texts]) -> Iterator[int]:
    """Finds the records of which every field is NULL."""
    return (
        index for index, text in enumerate(texts[0]) if text == NULL and all(column[index] == NULL for column in texts)
    )


def _column_validator(
    field: Field, date_order: DateOrder | None, formats: FileFormats, holds_dates_back: bool
) -> ColumnValidator:
    match field.type:
        case FieldType.STRING:
            return TextColumn(field)
        case FieldType.NUMBER:
            return NumberColumn(field, formats)
        case FieldType.INTEGER:
            return IntegerColumn(field, formats)
        case FieldType.OBJECT | FieldType.ARRAY:
            return NestedColumn(field)
    validate = value_validator(field, date_order, formats)
    if field.type is FieldType.DATETIME:
        return TimestampColumn(field, validate)
    if field.type is FieldType.DATE and field.format is None:
        return DateColumn(field, validate, holds_back=holds_dates_back)
    return RepeatingColumn(field, validate)
