"""Whole columns against the data contract: what is plainly in order becomes COPY text, the rest is named by its index.

Decides nothing by itself: a value that is not plain (it may still be good) sends its record to `records`, the reference
for every rule. So a column need only recognise what the reference would take unchanged, and can do that with a few
passes in C over all its values at once: about 0.1 microseconds a value instead of 1.
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
"""One field's values in consecutive records, decoded: None where it is absent or null."""

Texts = Sequence[str]
"""The same as COPY text."""


@dataclass(frozen=True)
class Encoded:
    """What became of consecutive records."""

    lines: list[str]
    """COPY text of those that are plain: their values and their record numbers."""
    days: frozenset[str]
    """ISO dates in them."""
    odd: list[int]
    """Indexes of the others: the reference must decide."""


class ColumnEncoder:
    """Encodes runs of consecutive records of a dataset."""

    def __init__(self, dataset: Dataset, date_order: DateOrder | None = None) -> None:
        self._kinds = [_column_kind(field, date_order) for field in dataset.fields]
        self._dates = [index for index, field in enumerate(dataset.fields) if field.type is FieldType.DATE]
        self._looks_at_lengths = False
        """There was a row so long that a value in it may be too long. Until then it is enough to look at whole rows."""

    def _look_at_lengths(self) -> None:
        self._looks_at_lengths = True
        for kind in self._kinds:
            kind.looks_at_lengths = True

    def encode(self, columns: Sequence[Column], first_number: int) -> Encoded:
        """Encodes records given as one column per field of the dataset, numbered from `first_number`."""
        numbers = range(first_number, first_number + len(columns[0]))
        texts, odd = list[Texts](), set[int]()
        for kind, column in zip(self._kinds, columns, strict=True):
            plain, odd_here = kind.encode(column)
            texts.append(plain)
            odd.update(odd_here)
        lines = list(map("\t".join, zip(*texts, map(str, numbers), strict=True)))
        days = [list(texts[index]) for index in self._dates]
        for index in sorted(odd, reverse=True):
            for rows in (lines, *days):
                del rows[index]
        if not self._looks_at_lengths and max(map(len, lines), default=0) > MAX_DIGITS:
            self._look_at_lengths()
            return self.encode(columns, first_number)
        return Encoded(lines, frozenset[str]().union(*days) - {NULL}, sorted(odd))


class _ColumnKind:
    """How the columns of one kind of field are checked and encoded."""

    def __init__(self, field: Field) -> None:
        self._required = field.required
        self.looks_at_lengths = False

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        """The values as COPY text, and the indexes of those that are not plain: what stands there means nothing."""
        raise NotImplementedError


# What COPY or a parser would stumble over, and what str.strip() takes away, but for the blank.
_SUSPECT = re.compile(r"[\x00-\x1f\\\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
_SUSPECT_BYTES = bytes([*range(0x20), ord("\\")])
# First bytes, in UTF-8, of white space beyond ASCII: U+0085, U+00A0; U+1680; U+2000 to U+205F; U+3000.
_WIDE_SPACE_LEADS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3")


class _TextColumn(_ColumnKind):
    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        odd = list[int]()
        if self._required and None in column:  # absent: common, and found more cheaply than anything else
            odd = [index for index, value in enumerate(column) if value is None]
            column = ["?" if value is None else value for value in column]
        odd += self._find_odd(column)
        if odd:
            column = list(column)
            for index in odd:
                column[index] = ""
        texts: Texts = column  # type: ignore[assignment]  # nothing else is plain
        return (texts if self._required else [text or NULL for text in texts]), odd

    def _find_odd(self, column: Column) -> list[int]:
        return [] if self._are_plain(column) else list(self._halve(column, 0))

    def _halve(self, column: Column, first: int) -> Iterator[int]:
        """Finds what is odd in a part of a column that is not plain: few values as a rule, and whole runs are cheap."""
        if len(column) == 1:
            yield first
            return
        middle = len(column) // 2
        left, right = column[:middle], column[middle:]
        is_left_plain = self._are_plain(left)
        if not is_left_plain:
            yield from self._halve(left, first)
        if is_left_plain or not self._are_plain(right):
            yield from self._halve(right, first + middle)

    def _are_plain(self, column: Column) -> bool:
        values = column if self._required else [value for value in column if value is not None and value != ""]
        if not _are_plain_texts(values):
            return False
        return not self.looks_at_lengths or max(map(len, values), default=0) <= MAX_TEXT_CHARACTERS


def _are_plain_texts(values: Sequence[object]) -> TypeGuard[Texts]:
    """Whether the reference would take each of them as it is."""
    try:
        joined = "".join(values)  # type: ignore[arg-type]  # what is not text raises
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
    """A column of numbers as text, `NULL` for none. All but the `odd` ones are digits, perhaps with a point."""

    def __init__(self, texts: Iterable[str], odd: Iterable[int] = ()) -> None:
        super().__init__(texts)
        self.odd = list(odd)

    @classmethod
    def from_json(cls, elements: bytes, values: Sequence[Any]) -> Self:
        """Reads JSON values as they are written: together, with commas between them, and one by one, like bytes."""
        unusual, separator = elements.translate(None, _NUMBER_BYTES + b","), b","
        if not unusual:
            return cls(elements.decode().split(","))
        texts = _split_numbers(elements, separator)
        if len(texts) != len(values):  # commas inside of some
            elements = b"\x1f".join(values)  # no value holds such a byte
            separator = b"\x1f"
            texts = _split_numbers(elements, separator)
        return cls(texts, _odd_among(elements, separator) if unusual.translate(None, b"nul") else ())

    @classmethod
    def from_values(cls, column: Column) -> Self:
        """Reads texts, integers, decimals and nulls."""
        texts = ["" if value is None else str(value) for value in column]
        joined = ",".join(texts)
        if joined.count(",") >= len(texts):  # in one of them
            joined = ",".join(["?" if "," in text else text for text in texts])
        odd = _odd_among(joined.encode("utf-8", "replace"), b",")
        framed = f",{joined},"
        if (
            ",." in framed or ".," in framed or ".." in framed or _SECOND_POINT.search(framed)
        ):  # JSON has no such number
            odd += [index for index, text in enumerate(texts) if not _NUMBER.fullmatch(text)]
        return cls(texts if all(texts) else [text or NULL for text in texts], odd)


_NUMBER_BYTES = b"0123456789."
_SECOND_POINT = re.compile(r"\.[0-9]+\.")


def _split_numbers(elements: bytes, separator: bytes) -> list[str]:
    return elements.replace(b"null", NULL.encode()).decode("utf-8", "replace").split(separator.decode())


def _odd_among(elements: bytes, separator: bytes) -> list[int]:
    """Indexes of those that hold more than digits and points, or `null`."""
    left = elements.replace(b"null", b"").translate(None, _NUMBER_BYTES)
    odd, index, place = list[int](), 0, 0
    for found in re.finditer(b"[^" + separator + b"]+", left):
        index += found.start() - place  # nothing but separators
        place = found.end()
        odd.append(index)
    return odd


class _NumberColumn(_ColumnKind):
    """Plain numbers have no sign: negative ones are for the reference to judge, as are endless ones."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        if not {field.above, field.at_least} <= {None, Decimal(0)}:
            raise NotImplementedError(f"{field.name}: only a bound of 0 is told from the text of a number so far")
        self._takes_zero = field.above is None

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        texts = column if isinstance(column, NumberTexts) else NumberTexts.from_values(column)
        odd = texts.odd
        if self.looks_at_lengths and max(map(len, texts), default=0) > MAX_DIGITS:
            odd += [index for index, text in enumerate(texts) if len(text) > MAX_DIGITS]
        if self._required and NULL in texts:
            odd += [index for index, text in enumerate(texts) if text == NULL]
        if not self._takes_zero and _has_zero(texts):
            odd += [index for index, text in enumerate(texts) if not text.strip("0.")]
        return texts, odd


def _has_zero(texts: Texts) -> bool:
    joined = f",{','.join(texts)},"
    return ",0" in joined and _ZERO.search(joined) is not None


class _DateColumn(_ColumnKind):
    """Dates repeat: a file of a million logs has a few hundred. Each is read once, by the reference."""

    _MOST = 10_000

    def __init__(self, field: Field, validate: Callable[[object], str | Rejection | None]) -> None:
        super().__init__(field)
        self._validate = validate
        self._known: dict[object, str] = {}
        """Values seen so far, with their COPY text."""

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        try:
            values = set(column)
        except TypeError:  # arrays or objects: no dates either
            column = [value if isinstance(value, str | None) else False for value in column]
            values = set(column)
        if len(self._known) > self._MOST:
            self._known.clear()
        bad = {value for value in values if not self._learn(value)}
        texts: list[str] = list(column)  # type: ignore[arg-type]  # nothing else is plain
        if any(self._known[value] != value for value in values - bad):
            texts = [self._known.get(value, "") for value in column]
        odd = [index for index, value in enumerate(column) if value in bad] if bad else []
        for index in odd:
            texts[index] = ""
        return texts, odd

    def _learn(self, value: object) -> bool:
        """Whether a value is a date or none; takes it in if it is new."""
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
