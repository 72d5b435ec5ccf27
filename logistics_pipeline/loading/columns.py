"""Whole columns against the data contract: what is plainly in order becomes COPY text, the rest is named by its index.

Decides nothing by itself: a value that is not plain (it may still be good) sends its record to `records`, the reference
for every rule. So a column need only recognise what the reference would take unchanged, and can do that with a few
passes in C over all its values at once: about 0.1 microseconds a value instead of 1.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import compress
from typing import AnyStr, Self, TypeGuard

from logistics_pipeline.datasets import Dataset, Field, Kind
from logistics_pipeline.loading.dates import DateOrder
from logistics_pipeline.loading.records import MAX_DIGITS, MAX_TEXT_CHARACTERS, Rejection, value_validator

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
        self._looks_at_lengths = False
        """There was a row so long that a value in it may be too long. Until then it is enough to look at whole rows."""

    def _look_at_lengths(self) -> None:
        self._looks_at_lengths = True
        for kind in self._kinds:
            kind.looks_at_lengths = True

    def encode(self, columns: Sequence[Column], first_number: int) -> Encoded:
        """Encodes records given as one column per field of the dataset, numbered from `first_number`."""
        numbers: Iterable[int] = range(first_number, first_number + len(columns[0]))
        if not numbers:
            return Encoded([], frozenset(), [])
        texts = [kind.texts(column) for kind, column in zip(self._kinds, columns, strict=True)]
        odd: set[int] = set()
        for kind, column, plain in zip(self._kinds, columns, texts, strict=True):
            if plain is None:
                odd.update(kind.find_odd(column))
        if odd:
            mask = [index not in odd for index in range(len(columns[0]))]
            numbers = compress(numbers, mask)
            texts = [
                kind.texts(_keep(column, mask)) if plain is None else list(compress(plain, mask))
                for kind, column, plain in zip(self._kinds, columns, texts, strict=True)
            ]
        plains = [plain for plain in texts if plain is not None]
        if len(plains) < len(texts):  # it does not add up: then nothing is plain
            return Encoded([], frozenset(), list(range(len(columns[0]))))
        lines = list(map("\t".join, zip(*plains, map(str, numbers), strict=True)))
        if not self._looks_at_lengths and max(map(len, lines), default=0) > MAX_DIGITS:
            self._look_at_lengths()
            return self.encode(columns, first_number)
        days = frozenset[str]().union(*(kind.days(plain) for kind, plain in zip(self._kinds, plains, strict=True)))
        return Encoded(lines, days, sorted(odd))


def _keep(column: Column, mask: Sequence[bool]) -> Column:
    kept = compress(column, mask)
    return NumberTexts(kept) if isinstance(column, NumberTexts) else list(kept)  # type: ignore[arg-type]


class _ColumnKind:
    """How the columns of one kind of field are checked and encoded."""

    def __init__(self, field: Field) -> None:
        self._required = field.required
        self.looks_at_lengths = False

    def texts(self, column: Column) -> Texts | None:
        """The values as COPY text, if all are plain."""
        raise NotImplementedError

    def find_odd(self, column: Column) -> Iterable[int]:
        """Indexes of the values that are not plain, in a column that has some."""
        raise NotImplementedError

    def days(self, texts: Texts) -> Iterable[str]:
        """The ISO dates among the texts of a column."""
        return ()


# What COPY or a parser would stumble over, and what str.strip() takes away, but for the blank.
_SUSPECT = re.compile(r"[\x00-\x1f\\\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
_SUSPECT_BYTES = [bytes([code]) for code in (*range(0x20), ord("\\"))]
# First bytes, in UTF-8, of white space beyond ASCII: U+0085, U+00A0; U+1680; U+2000 to U+205F; U+3000.
_WIDE_SPACE_LEADS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3")


class _TextColumn(_ColumnKind):
    def texts(self, column: Column) -> Texts | None:
        values = column if self._required else [value for value in column if value is not None and value != ""]
        if not _are_plain_texts(values):
            return None
        if self.looks_at_lengths and max(map(len, values), default=0) > MAX_TEXT_CHARACTERS:
            return None
        return values if self._required else [value or NULL for value in column]  # type: ignore[misc]

    def find_odd(self, column: Column) -> Iterable[int]:
        texts = [value if type(value) is str else "" for value in column]
        framed = "\n".join(["", *texts, ""])
        if framed.count("\n") != len(texts) + 1:
            return [index for index, value in enumerate(column) if self.texts([value]) is None]
        places = [found.start() for found in _SUSPECT.finditer(framed.replace("\n", "~"))]
        places += [place for mark in ("\n ", "\n\n") for place in _places(mark, framed)]
        places += [place - 1 for place in _places(" \n", framed)]
        odd = {framed.count("\n", 0, place + 1) - 1 for place in places}
        if max(map(len, texts)) > MAX_TEXT_CHARACTERS:
            odd.update(index for index, text in enumerate(texts) if len(text) > MAX_TEXT_CHARACTERS)
        return odd if self._required else [index for index in odd if column[index] is not None and column[index] != ""]


def _places(mark: AnyStr, text: AnyStr) -> Iterator[int]:
    """Offsets of a mark in a text, those that overlap too."""
    place = text.find(mark)
    while place >= 0:
        yield place
        place = text.find(mark, place + 1)


def _are_plain_texts(values: Sequence[object]) -> TypeGuard[Texts]:
    """Whether the reference would take each of them as it is."""
    try:
        joined = "".join(values)  # type: ignore[arg-type]  # what is not text raises
        data = joined.encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return (
        all(values)
        and not any(byte in data for byte in _SUSPECT_BYTES)
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
    def from_json(cls, elements: bytes, count: int) -> Self | None:
        """Reads the elements of a JSON array, without its brackets; None if there are commas inside them."""
        odd = elements.translate(None, _NUMBER_BYTES)
        if odd:
            elements = elements.replace(b"null", NULL.encode())
        texts = elements.decode("utf-8", "replace").split(",")
        if len(texts) != count:
            return None
        return cls(texts, _odd_among(elements.replace(NULL.encode(), b"")) if odd.translate(None, b"nul") else ())

    @classmethod
    def from_values(cls, column: Column) -> Self:
        """Reads texts, integers, decimals and nulls."""
        texts = ["" if value is None else str(value) for value in column]
        joined = ",".join(texts)
        if joined.count(",") >= len(texts):  # in one of them
            joined = ",".join(["?" if "," in text else text for text in texts])
        odd = _odd_among(joined.encode("utf-8", "replace"))
        framed = f",{joined},"
        if (
            ",." in framed or ".," in framed or ".." in framed or _SECOND_POINT.search(framed)
        ):  # JSON has no such number
            odd += [index for index, text in enumerate(texts) if not _NUMBER.fullmatch(text)]
        return cls(texts if all(texts) else [text or NULL for text in texts], odd)


_NUMBER_BYTES = b"0123456789.,"
_ODD_TO_X = bytes(byte if byte in _NUMBER_BYTES else ord("x") for byte in range(256))
_SECOND_POINT = re.compile(r"\.[0-9]+\.")


def _odd_among(elements: bytes) -> list[int]:
    """Indexes of those that hold more than digits and points."""
    if not elements.translate(None, _NUMBER_BYTES):
        return []
    return [elements.count(b",", 0, place) for place in _places(b"x", elements.translate(_ODD_TO_X))]


class _NumberColumn(_ColumnKind):
    """Plain numbers have no sign: negative ones are for the reference to judge, as are endless ones."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        if not {field.above, field.at_least} <= {None, Decimal(0)}:
            raise NotImplementedError(f"{field.name}: only a bound of 0 is told from the text of a number so far")
        self._takes_zero = field.above is None

    def texts(self, column: Column) -> Texts | None:
        texts = column if isinstance(column, NumberTexts) else NumberTexts.from_values(column)
        if texts.odd or (self._required and NULL in texts):
            return None
        if self.looks_at_lengths and max(map(len, texts), default=0) > MAX_DIGITS:
            return None
        return texts if self._takes_zero or not _has_zero(texts) else None

    def find_odd(self, column: Column) -> Iterable[int]:
        texts = column if isinstance(column, NumberTexts) else NumberTexts.from_values(column)
        odd = set(texts.odd)
        if max(map(len, texts)) > MAX_DIGITS:
            odd.update(index for index, text in enumerate(texts) if len(text) > MAX_DIGITS)
        if self._required:
            odd.update(index for index, text in enumerate(texts) if text == NULL)
        if not self._takes_zero:
            odd.update(index for index, text in enumerate(texts) if not text.strip("0."))
        return odd


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

    def texts(self, column: Column) -> Texts | None:
        try:
            values = set(column)
        except TypeError:  # an array or an object
            return None
        if len(self._known) > self._MOST:
            self._known.clear()
        if not self._learn(values):
            return None
        if all(self._known[value] == value for value in values):
            return column  # type: ignore[return-value]
        return [self._known[value] for value in column]

    def find_odd(self, column: Column) -> Iterable[int]:
        try:
            bad = {value for value in set(column) if not self._learn([value])}
        except TypeError:  # an array or an object
            return [i for i, v in enumerate(column) if not isinstance(v, str | None) or not self._learn([v])]
        return [index for index, value in enumerate(column) if value in bad] if bad else []

    def _learn(self, values: Iterable[object]) -> bool:
        """Takes in values that are new; False if any of them is no date."""
        for value in values:
            if value not in self._known:
                text = self._validate(value)
                if isinstance(text, Rejection):
                    return False
                self._known[value] = NULL if text is None else text
        return True

    def days(self, texts: Texts) -> Iterable[str]:
        return set(texts) - {NULL}


def _column_kind(field: Field, date_order: DateOrder | None) -> _ColumnKind:
    match field.kind:
        case Kind.TEXT:
            return _TextColumn(field)
        case Kind.NUMBER:
            return _NumberColumn(field)
        case Kind.DATE:
            return _DateColumn(field, value_validator(field, date_order))
