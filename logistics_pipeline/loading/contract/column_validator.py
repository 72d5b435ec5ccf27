"""Validates whole columns: plainly valid values become COPY text, the indexes of all others are returned.

Nothing is rejected here. A value that is not plain may still be valid, so its record goes to `record_validator`, the
reference for every rule. A column therefore only has to recognise values that the reference would take unchanged,
which takes a few passes in C over all of them at once: about 0.1 microseconds a value instead of 1.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self, TypeGuard

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.record_validator import (
    MAX_DIGITS,
    MAX_TEXT_CHARACTERS,
    Rejection,
    value_validator,
)

NULL = "\\N"


Column = Sequence[object]
"""One field's decoded values in consecutive records: None where the field is absent or null."""

Texts = Sequence[str]
"""The same as COPY text."""


@dataclass(frozen=True)
class Encoded:
    """The result of encoding consecutive records."""

    lines: list[str]
    """COPY text of the plain records: their values and record numbers."""
    days: frozenset[str]
    """ISO dates in these lines."""
    irregular: list[int]
    """Indexes of the other records: the reference must decide."""


class ColumnEncoder:
    """Encodes runs of consecutive records of a dataset."""

    def __init__(self, dataset: Dataset, date_order: DateOrder | None = None) -> None:
        self._kinds = [_column_kind(field, date_order) for field in dataset.fields]
        self._dates = [index for index, field in enumerate(dataset.fields) if field.type is FieldType.DATE]
        self._checks_lengths = False
        """Whether single values are measured. No need to until a whole row is long enough to hold a value too long."""

    def _check_lengths(self) -> None:
        self._checks_lengths = True
        for kind in self._kinds:
            kind.checks_lengths = True

    def encode(self, columns: Sequence[Column], first_number: int) -> Encoded:
        """Encodes records given as one column per field of the dataset, numbered from `first_number`."""
        numbers = range(first_number, first_number + len(columns[0]))
        texts, irregular = list[Texts](), set[int]()
        for kind, column in zip(self._kinds, columns, strict=True):
            plain, irregular_here = kind.encode(column)
            texts.append(plain)
            irregular.update(irregular_here)
        lines = list(map("\t".join, zip(*texts, map(str, numbers), strict=True)))
        days = [list(texts[index]) for index in self._dates]
        for index in sorted(irregular, reverse=True):
            for rows in (lines, *days):
                del rows[index]
        if not self._checks_lengths and max(map(len, lines), default=0) > MAX_DIGITS:
            self._check_lengths()
            return self.encode(columns, first_number)
        return Encoded(lines, frozenset[str]().union(*days) - {NULL}, sorted(irregular))


class _ColumnKind:
    """Validates and encodes the columns of one field."""

    def __init__(self, field: Field) -> None:
        self._required = field.required
        self.checks_lengths = False

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        """Returns the values as COPY text, and the indexes of those that are not plain: their text means nothing."""
        raise NotImplementedError


# Characters that COPY or a parser treats specially, and those that str.strip() removes, except for the blank.
_SUSPECT = re.compile(r"[\x00-\x1f\\\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
_SUSPECT_BYTES = bytes([*range(0x20), ord("\\")])
# First UTF-8 bytes of white space outside ASCII: U+0085, U+00A0; U+1680; U+2000 to U+205F; U+3000.
_WIDE_SPACE_LEADS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3")


class _TextColumn(_ColumnKind):
    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        irregular = list[int]()
        if self._required and None in column:  # absent: common, and the cheapest to find
            irregular = [index for index, value in enumerate(column) if value is None]
            column = ["?" if value is None else value for value in column]
        irregular += self._find_irregular(column)
        if irregular:
            column = list(column)
            for index in irregular:
                column[index] = ""
        texts: Texts = column  # type: ignore[assignment]  # anything else is irregular
        return (texts if self._required else [text or NULL for text in texts]), irregular

    def _find_irregular(self, column: Column) -> list[int]:
        return [] if self._are_plain(column) else list(self._bisect(column, 0))

    def _bisect(self, column: Column, first: int) -> Iterator[int]:
        """Finds the irregular values of a part that is not plain: they are few, and plain parts are cheap to check."""
        if len(column) == 1:
            yield first
            return
        middle = len(column) // 2
        left, right = column[:middle], column[middle:]
        is_left_plain = self._are_plain(left)
        if not is_left_plain:
            yield from self._bisect(left, first)
        if is_left_plain or not self._are_plain(right):
            yield from self._bisect(right, first + middle)

    def _are_plain(self, column: Column) -> bool:
        values = column if self._required else [value for value in column if value is not None and value != ""]
        if not _are_plain_texts(values):
            return False
        return not self.checks_lengths or max(map(len, values), default=0) <= MAX_TEXT_CHARACTERS


def _are_plain_texts(values: Sequence[object]) -> TypeGuard[Texts]:
    """Whether the reference would take every value unchanged."""
    try:
        joined = "".join(values)  # type: ignore[arg-type]  # anything but text raises
        data = joined.encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return (
        all(values)
        and len(data.translate(None, _SUSPECT_BYTES)) == len(data)
        and not (b" " in data and _have_outer_blanks(values))  # type: ignore[arg-type]
        and (joined.isascii() or not any(byte in data for byte in _WIDE_SPACE_LEADS) or not _SUSPECT.search(joined))
    )


def _have_outer_blanks(values: Texts) -> bool:
    framed = "\n".join(["", *values, ""])
    return "\n " in framed or " \n" in framed


_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?)?")
_ZERO = re.compile(r"(?<=,)0+(?:\.0+)?(?=,)")


class NumberTexts(list[str]):
    """A column of numbers as text, `NULL` for null. All but the `irregular` ones are digits, perhaps with a point."""

    def __init__(self, texts: Iterable[str], irregular: Iterable[int] = ()) -> None:
        super().__init__(texts)
        self.irregular = list(irregular)

    @classmethod
    def from_json(cls, elements: bytes, values: Sequence[Any]) -> Self:
        """Takes JSON values as written: together, with commas between them, and one by one as bytes-like objects."""
        unusual, separator = elements.translate(None, _NUMBER_BYTES + b","), b","
        if not unusual:
            return cls(elements.decode().split(","))
        texts = _split_numbers(elements, separator)
        if len(texts) != len(values):  # some contain commas
            elements = b"\x1f".join(values)  # no value contains such a byte
            separator = b"\x1f"
            texts = _split_numbers(elements, separator)
        return cls(texts, _find_irregular_numbers(elements, separator) if unusual.translate(None, b"nul") else ())

    @classmethod
    def from_values(cls, column: Column) -> Self:
        """Takes texts, integers, decimals and nulls."""
        texts = ["" if value is None else str(value) for value in column]
        joined = ",".join(texts)
        if joined.count(",") >= len(texts):  # one of them contains a comma
            joined = ",".join(["?" if "," in text else text for text in texts])
        irregular = _find_irregular_numbers(joined.encode("utf-8", "replace"), b",")
        framed = f",{joined},"
        if (
            ",." in framed or ".," in framed or ".." in framed or _SECOND_POINT.search(framed)
        ):  # JSON has no such number
            irregular += [index for index, text in enumerate(texts) if not _NUMBER.fullmatch(text)]
        return cls(texts if all(texts) else [text or NULL for text in texts], irregular)


_NUMBER_BYTES = b"0123456789."
_SECOND_POINT = re.compile(r"\.[0-9]+\.")


def _split_numbers(elements: bytes, separator: bytes) -> list[str]:
    return elements.replace(b"null", NULL.encode()).decode("utf-8", "replace").split(separator.decode())


def _find_irregular_numbers(elements: bytes, separator: bytes) -> list[int]:
    """Returns the indexes of values other than digits with points, and `null`."""
    left = elements.replace(b"null", b"").translate(None, _NUMBER_BYTES)
    irregular, index, position = list[int](), 0, 0
    for found in re.finditer(b"[^" + separator + b"]+", left):
        index += found.start() - position  # only separators in between
        position = found.end()
        irregular.append(index)
    return irregular


class _NumberColumn(_ColumnKind):
    """Plain numbers have no sign: the reference decides about negative numbers, and about overlong ones."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        if not {field.above, field.at_least} <= {None, Decimal(0)}:
            raise NotImplementedError(f"{field.name}: only a bound of 0 can be checked on the text of a number")
        self._takes_zero = field.above is None

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        texts = column if isinstance(column, NumberTexts) else NumberTexts.from_values(column)
        irregular = texts.irregular
        if self.checks_lengths and max(map(len, texts), default=0) > MAX_DIGITS:
            irregular += [index for index, text in enumerate(texts) if len(text) > MAX_DIGITS]
        if self._required and NULL in texts:
            irregular += [index for index, text in enumerate(texts) if text == NULL]
        if not self._takes_zero and _has_zero(texts):
            irregular += [index for index, text in enumerate(texts) if not text.strip("0.")]
        return texts, irregular


def _has_zero(texts: Texts) -> bool:
    joined = f",{','.join(texts)},"
    return ",0" in joined and _ZERO.search(joined) is not None


class _DateColumn(_ColumnKind):
    """Dates repeat: a file of a million records has a few hundred. The reference reads each of them once."""

    _MAX_KNOWN = 10_000

    def __init__(self, field: Field, validate: Callable[[object], str | Rejection | None]) -> None:
        super().__init__(field)
        self._validate = validate
        self._known: dict[object, str] = {}
        """COPY text of the values seen so far."""

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        try:
            values = set(column)
        except TypeError:  # arrays or objects: not dates
            column = [value if isinstance(value, str | None) else False for value in column]
            values = set(column)
        if len(self._known) > self._MAX_KNOWN:
            self._known.clear()
        bad = {value for value in values if not self._learn(value)}
        texts: list[str] = list(column)  # type: ignore[arg-type]  # anything else is irregular
        if any(self._known[value] != value for value in values - bad):
            texts = [self._known.get(value, "") for value in column]
        irregular = [index for index, value in enumerate(column) if value in bad] if bad else []
        for index in irregular:
            texts[index] = ""
        return texts, irregular

    def _learn(self, value: object) -> bool:
        """Whether a value is a valid date or null; remembers its text."""
        if value not in self._known:
            text = self._validate(value)
            if isinstance(text, Rejection):
                return False
            self._known[value] = NULL if text is None else text
        return True


def _column_kind(field: Field, date_order: DateOrder | None) -> _ColumnKind:
    match field.type:
        case FieldType.STRING:
            return _TextColumn(field)
        case FieldType.NUMBER:
            return _NumberColumn(field)
        case FieldType.DATE:
            return _DateColumn(field, value_validator(field, date_order))
