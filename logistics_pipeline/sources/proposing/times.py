"""Fields of records that hold times, and in which form."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics_pipeline.sources.definitions.definition import TimeFormat
from logistics_pipeline.sources.definitions.paths import MISSING, ValuePath, path_text, value_at
from logistics_pipeline.sources.definitions.times import read_time, write_time

_CHANGED = re.compile(r"(last[_-]?)?(updat|modif|chang|edit)|write[_-]?date|record[_-]?time|synced|mtime", re.I)
_CREATED = re.compile(r"creat|insert|receiv|added|registered", re.I)
_TIME = re.compile(r"time|date|_at$|At$|start|begin|stamp", re.I)
_FORMS = (TimeFormat.ISO, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S")
_OLDEST, _NEWEST = datetime(2000, 1, 1, tzinfo=UTC), timedelta(days=400)
_DEEPEST = 3


@dataclass(frozen=True)
class TimeField:
    """A field whose values are times, in the order of time."""

    path: ValuePath
    form: str
    times: tuple[datetime, ...]

    @property
    def name(self) -> str:
        """Its path as a definition has it."""
        return path_text(self.path)

    @property
    def is_of_change(self) -> bool:
        """Whether its name says that it is the time of the last change."""
        return _CHANGED.search(self.name) is not None

    @property
    def is_of_creation(self) -> bool:
        """Whether its name says that it is the time of creation."""
        return _CREATED.search(self.name) is not None

    def time_of(self, record: Mapping[str, Any]) -> datetime | None:
        """The time of a record."""
        return time_or_none(value_at(record, self.path), self.form)

    def write(self, moment: datetime) -> str:
        """A time as the field holds it."""
        return write_time(moment, self.form)

    @property
    def format_keys(self) -> dict[str, str]:
        """The key `format`, unless the form is the usual one."""
        return {} if self.form == TimeFormat.ISO else {"format": str(self.form)}


def time_fields(samples: Sequence[Mapping[str, Any]]) -> list[TimeField]:
    """The fields that hold a time in every record, those of the last change first, then those of creation."""
    return sorted(
        _time_fields(samples), key=lambda each: (not each.is_of_change, not each.is_of_creation, len(each.path))
    )


def _time_fields(samples: Sequence[Mapping[str, Any]]) -> Iterator[TimeField]:
    for path in _paths(samples[0] if samples else {}):
        values = [value for value in (value_at(record, path) for record in samples) if value not in (MISSING, None)]
        if values and any(word.search(str(path[-1])) for word in (_TIME, _CHANGED, _CREATED)):
            yield from _in_its_form(path, values)


def _in_its_form(path: ValuePath, values: Sequence[Any]) -> Iterator[TimeField]:
    for form in _forms_of(values[0]):
        times = [time for value in values if (time := time_or_none(value, form)) is not None]
        newest = datetime.now(UTC) + _NEWEST
        if len(times) == len(values) and all(_OLDEST < time < newest for time in times):
            yield TimeField(path, form, tuple(sorted(times)))
            return


def _paths(record: Mapping[str, Any], path: ValuePath = ()) -> Iterator[ValuePath]:
    for name, value in record.items():
        if isinstance(value, dict) and len(path) < _DEEPEST:
            yield from _paths(value, (*path, name))
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            yield (*path, name)


def _forms_of(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return _FORMS if re.match(r"[12][0-9]{3}-|[0-3][0-9]\.", value) else ()
    return (TimeFormat.UNIX, TimeFormat.UNIX_MILLISECONDS)


def form_of(text: Any) -> str | None:
    """The form that a parameter's value has, if it is a time."""
    return next((form for form in _FORMS if isinstance(text, str) and time_or_none(text, form) is not None), None)


def time_or_none(value: Any, form: str) -> datetime | None:
    """The time that a value is in that form. A blank between day and time is not ISO 8601: filters want it as well."""
    try:
        return None if form == TimeFormat.ISO and " " in str(value) else read_time(value, form)
    except ValueError:
        return None
