"""Makes records of a dataset of what a source sends: paths, units, constants, values, times.

A record that cannot be mapped is counted by its reason, and stays in the archive. Nothing is guessed.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, DecimalException, InvalidOperation, Overflow
from hashlib import sha256
from typing import Any

import msgspec

from logistics_pipeline.sources.definitions.definition import MappedField, Resource, TimeFormat
from logistics_pipeline.sources.definitions.paths import MISSING, path_text, value_at
from logistics_pipeline.sources.definitions.times import read_time

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_MOST_REASONS = 100
_SHOWN = 60
_TRAPS: list[Any] = [InvalidOperation, Overflow]
_EXACT = Context(prec=50, traps=_TRAPS)
_ROUNDED = Context(prec=15, traps=_TRAPS)
"""As many digits as a double has."""


class Unmapped(ValueError):
    """Why a record cannot be mapped."""


@dataclass
class Mapper:
    """Maps the records of one resource, and counts those that it cannot map."""

    resource: Resource
    mapped: int = 0
    unmapped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        fields = self.resource.fields
        self._read = None if fields is None else [(each.name, _reader(each)) for each in fields]

    def line(self, record: Any, parent: str | None) -> bytes | None:
        """A record of the dataset as a line of JSON; None if it cannot be mapped."""
        try:
            line = self._encoded(self.map(record, parent))
        except Unmapped as reason:
            self.leave_out(str(reason))
            return None
        self.mapped += 1
        return line

    @staticmethod
    def _encoded(fields: dict[str, Any]) -> bytes:
        try:
            return _ENCODER.encode(fields)
        except RecursionError:
            raise Unmapped("it is nested too deeply") from None

    def map(self, record: Any, parent: str | None) -> dict[str, Any]:
        """The fields of a record of the dataset.

        Raises:
            Unmapped: there is none.
        """
        if not isinstance(record, dict):
            raise Unmapped(f"it is no object, but {_shown(record)}")
        if self._read is None:
            if None in record:
                raise Unmapped("it has more cells than the header has names")
            return record
        found = {}
        for name, read in self._read:
            value = read(record, parent)
            if value is not MISSING:
                found[name] = value
        return found

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Counts records that are not mapped."""
        if count:
            is_known = reason in self.unmapped or len(self.unmapped) < _MOST_REASONS
            self.unmapped[reason if is_known else "other reasons"] += count


def mapping_digest(resource: Resource) -> str:
    """What a file was mapped by."""
    return sha256(repr(resource.fields).encode()).hexdigest()


def _reader(field: MappedField) -> Callable[[Mapping[str, Any], str | None], Any]:
    if field.parent:
        return lambda record, parent: parent
    if not field.is_path:
        return lambda record, parent: field.constant
    change, name = _change(field), field.path[0] if len(field.path) == 1 else None
    if isinstance(name, str) and change is None and not field.required:
        return lambda record, parent: record.get(name, MISSING)

    def read(record: Mapping[str, Any], parent: str | None) -> Any:
        value = value_at(record, field.path)
        if value is MISSING or value is None:
            if field.required:
                raise Unmapped(f"{field.name}: there is nothing at {path_text(field.path)}")
            return value
        return value if change is None else change(value)

    return read


def _change(field: MappedField) -> Callable[[Any], Any] | None:
    if field.text:
        return lambda value: str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
    if field.factor is not None:
        return _converter(field)
    if field.values is not None:
        return _translator(field, field.values)
    if field.format is not None:
        return _time_reader(field, field.format)
    return None


def _converter(field: MappedField) -> Callable[[Any], Any]:
    assert field.factor is not None
    factor, divisor = Decimal(field.factor.numerator), Decimal(field.factor.denominator)
    offset = _EXACT.divide(Decimal(field.offset.numerator), Decimal(field.offset.denominator))

    def convert(value: Any) -> Any:
        if isinstance(value, bool):
            raise _wrong(field, value, "a number")
        try:
            number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
            found = _ROUNDED.plus(_EXACT.add(_EXACT.divide(_EXACT.multiply(number, factor), divisor), offset))
        except DecimalException:
            raise _wrong(field, value, "a number") from None
        if not found.is_finite():
            raise _wrong(field, value, "a number")
        return found

    return convert


def _translator(field: MappedField, values: Mapping[str, Any]) -> Callable[[Any], Any]:
    def translate(value: Any) -> Any:
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        if text in values:
            return values[text]
        if field.has_otherwise:
            return field.otherwise
        raise Unmapped(f"{field.name}: {_shown(value)} is not in `values`")

    return translate


def _time_reader(field: MappedField, form: str) -> Callable[[Any], Any]:
    def read(value: Any) -> str:
        try:
            moment = read_time(value, form)
        except (ValueError, TypeError, OverflowError):
            raise _wrong(field, value, f"a time as {form}") from None
        if form == TimeFormat.DATE:
            return moment.date().isoformat()
        return moment.isoformat().replace("+00:00", "Z")

    return read


def _wrong(field: MappedField, value: Any, expected: str) -> Unmapped:
    return Unmapped(f"{field.name}: {_shown(value)} at {path_text(field.path)} is not {expected}")


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"a {'list' if isinstance(value, list) else 'group of keys'}"
    text = repr(str(value)) if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
