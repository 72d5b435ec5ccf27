"""Keeps the values of columns that a contract does not know: one JSON object per record, for the column `extras`.

Nothing is validated here. A text stays a text, whatever it looks like, and a number keeps its digits; what is empty or
null is left out. Both parsers use this, so that they agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.contract.columns import NULL, Column, Texts
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.layouts import LargeObject, LongText

_PLAIN_TYPES = frozenset({str, int, bool, type(None)})
_MOST_DIGITS = 1000
"""Of a number on either side of its decimal point. PostgreSQL takes more; others are kept as texts."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Extras:
    """Keeps the values that records of a dataset have in unknown columns."""

    def __init__(self, dataset: Dataset) -> None:
        self._known = frozenset(dataset.columns)
        self._notes = dict[str, None]()

    def take_notes(self) -> tuple[str, ...]:
        """Sentences about values that could not be kept as they were delivered, since the last call."""
        notes, self._notes = tuple(self._notes), {}
        return notes

    def unknown(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """Those of some columns that the contract does not know."""
        return {name: column for name, column in columns.items() if name not in self._known}

    def of_record(self, record: Mapping[str, object]) -> str | None:
        """The values of one record as JSON; None if it has none."""
        found = {name: record[name] for name in sorted(record.keys() - self._known)}
        if isinstance(record, LargeObject):
            found = self._without_left_out(found)
        return self._text({name: self._storable(name, value) for name, value in found.items()})

    def of_columns(self, columns: Mapping[str, Column], count: int) -> Texts:
        """The values of records that are given as columns, as COPY text."""
        names = [name for name in sorted(columns) if _has_values(columns[name])]
        if not names:
            return [NULL] * count
        rows = zip(*(self._storable_column(name, columns[name]) for name in names), strict=True)
        return as_copy_text(self._text(dict(zip(names, row, strict=True))) for row in rows)

    def _text(self, values: Mapping[str, object]) -> str | None:
        kept = {name: value for name, value in values.items() if value is not None and value != ""}
        if not kept:
            return None
        try:
            text = _encode(kept).decode()
        except UnicodeEncodeError:  # half of a surrogate pair, or a byte that is not UTF-8
            text = self._cleaned(kept)
        return self._cleaned(kept) if "\\u0000" in text else text

    def _cleaned(self, values: Mapping[str, object]) -> str:
        """Writes characters that PostgreSQL cannot store as escapes."""
        cleaned = {name: _escaped(value) for name, value in values.items()}
        for name, value in cleaned.items():
            if value != values[name]:
                self._note(name, "holds characters that cannot be stored: they are kept as escapes such as `\\0`")
        return _encode({_escaped_text(name): value for name, value in cleaned.items()}).decode()

    def _storable_column(self, name: str, column: Column) -> Sequence[object]:
        if _PLAIN_TYPES.issuperset(map(type, column)):
            return column
        return [self._storable(name, value) for value in column]

    def _storable(self, name: str, value: object) -> object:
        match value:
            case LongText():
                self._note(name, "holds texts too long to be kept")
                return None
            case Decimal():
                return self._storable_number(name, value)
            case list():
                return [self._storable(name, each) for each in value]
            case dict():
                return {key: self._storable(name, each) for key, each in value.items()}
            case _:
                return value

    def _storable_number(self, name: str, number: Decimal) -> object:
        if abs(number.adjusted()) < _MOST_DIGITS and -int(number.as_tuple().exponent) < _MOST_DIGITS:
            return number
        self._note(name, f"holds numbers of more than {_MOST_DIGITS:,} digits: they are kept as texts")
        return str(number)

    def _without_left_out(self, values: dict[str, object]) -> dict[str, object]:
        """Without empty arrays and objects, which stand for what was left out of a large record."""
        for name in [name for name, value in values.items() if value in ([], {})]:
            self._note(name, "holds arrays or objects too large to be kept")
            del values[name]
        return values

    def _note(self, name: str, text: str) -> None:
        self._notes[f"Column `{excerpt(name)}`, which the contract does not know, {text}."] = None


def _has_values(column: Column) -> bool:
    return any(column) or any(value is not None and value != "" for value in column)


def as_copy_text(texts: Iterable[str | None]) -> list[str]:
    """JSON texts as COPY text: backslashes are the only characters in JSON that it escapes."""
    return [NULL if text is None else text.replace("\\", "\\\\") for text in texts]


def _escaped(value: object) -> object:
    match value:
        case str():
            return _escaped_text(value)
        case list():
            return [_escaped(each) for each in value]
        case dict():
            return {_escaped_text(key): _escaped(each) for key, each in value.items()}
        case _:
            return value


def _escaped_text(text: str) -> str:
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
