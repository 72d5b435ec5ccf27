"""Validates columns of dates."""

import re
from collections.abc import Callable, Collection

from logistics_core.catalogue import Field
from logistics_pipeline.loading.contract.columns import (
    NULL,
    Column,
    ColumnValidator,
    FormatsNeededError,
    Texts,
    indexes_of,
    with_nothing_at,
)
from logistics_pipeline.loading.contract.dates import MAX_DATE_CHARACTERS
from logistics_pipeline.loading.contract.record_validator import Rejection

_USUAL_TIME = re.compile(
    r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?|(?:0?[1-9]|1[0-2]):[0-5][0-9](?::[0-5][0-9])? ?[AP]M"
)
"""The times of day that are read fastest; the reference reads the others."""

_DAY_CHARACTERS = 10
"""A longer day may have a time already."""


class DateColumn(ColumnValidator):
    """Dates repeat: a file of a million records has a few hundred. The reference reads each of them once."""

    _MAX_KNOWN = 10_000

    def __init__(
        self, field: Field, validate: Callable[[object], str | Rejection | None], *, holds_back: bool = False
    ) -> None:
        super().__init__(field)
        self._validate = validate
        self._holds_back = holds_back
        """Dates that only their whole file explains are not plain, in place of asking for its formats."""
        self._known: dict[object, str] = {}
        """COPY text of the values seen so far."""
        self._known_bad = set[object]()
        """Nulls and texts seen so far that are not plain, but for long ones."""

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        try:
            values = set(column)
        except TypeError:  # arrays or objects: not dates
            column = [value if isinstance(value, str | None) else False for value in column]
            values = set(column)
        for known in (self._known, self._known_bad):
            if len(known) > self._MAX_KNOWN:
                known.clear()
        bad = values & self._known_bad
        bad.update([value for value in values - bad if not self._learn(value)])
        irregular = indexes_of(bad, column)
        if all(self._known[value] == value for value in values - bad):
            return with_nothing_at(irregular, column), irregular
        return [self._known.get(value, "") for value in column], irregular

    def _learn(self, value: object) -> bool:
        """Whether a value is a valid date or null; remembers its text."""
        if value in self._known:
            return True
        text = self._read(value)
        if text is not None:
            self._known[value] = text
        elif value is None or (isinstance(value, str) and len(value) <= MAX_DATE_CHARACTERS):
            self._known_bad.add(value)
        return text is not None

    def _read(self, value: object) -> str | None:
        """The COPY text of a value; None if it is not plain."""
        try:
            text = self._read_day(value) or self._validate(value)
        except FormatsNeededError:
            if self._holds_back:
                return None
            raise
        return NULL if text is None else None if isinstance(text, Rejection) else text

    def _read_day(self, value: object) -> str | None:
        """Reads a date with a time of day by its day, if that is a date: times seldom repeat, days do."""
        if not isinstance(value, str) or not 10 < len(value) <= MAX_DATE_CHARACTERS:
            return None
        day, _, time = value.partition(" ")
        if len(day) > _DAY_CHARACTERS or not _USUAL_TIME.fullmatch(time) or not self._learn(day):
            return None
        text = self._known[day]
        return None if text == NULL else text
