"""What the validators of columns have in common."""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import compress

from logistics_core.catalogue import Field, FieldType

NULL = "\\N"

Column = Sequence[object]
"""One field's decoded values in consecutive records: None where the field is absent or null."""

Texts = Sequence[str]
"""The same as COPY text."""


def indexes_of(values: Collection[object], column: Column) -> list[int]:
    """Where any of some values stand in a column."""
    if len(values) == 1:  # takes half the time
        (value,) = values
        return list(_indexes_of_one(value, column))
    return list(compress(range(len(column)), map(values.__contains__, column))) if values else []


def _indexes_of_one(value: object, column: Column) -> Iterator[int]:
    index = -1
    with suppress(ValueError):  # no more
        while True:
            index = column.index(value, index + 1)
            yield index


def with_nothing_at(indexes: Collection[int], column: Column) -> Texts:
    """A column of texts but for the values at some indexes: empty texts take their place."""
    if not indexes:
        return column  # type: ignore[return-value]  # all are texts
    texts: list[str] = list(column)  # type: ignore[arg-type]  # as soon as the others are replaced
    for index in indexes:
        texts[index] = ""
    return texts


class FormatsNeededError(Exception):
    """A number or a date can only be read when the whole column of its file is known.

    Args:
        type: which of the two.
    """

    def __init__(self, type: FieldType) -> None:
        super().__init__(type)
        self.type = type


class WideningNeededError(Exception):
    """An integer field holds a decimal number: nothing is lost if its file is read with a number field in its place.

    Args:
        field: its name.
    """

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class ColumnValidator:
    """Validates and encodes the columns of one field."""

    max_characters = sys.maxsize
    """Of a value, where that is all that is wrong with a longer one."""

    def __init__(self, field: Field) -> None:
        self._required = field.required
        self.checks_lengths = False
        """Whether single values are measured. No need to while few rows are long enough to hold a value too long."""

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        """Returns the values as COPY text, and the indexes of those that are not plain: their text means nothing."""
        raise NotImplementedError
