"""How the numbers of one column of a file are written: decided over all its values, never by most of them or a sample.

`NumberEvidence` takes the column part by part and keeps what the outcome depends on: the formats that fit every value,
the first value that excludes others, the currencies. `NumberReading` is the outcome, and reads values by it.

The contract's own notation stands unless a value of the column excludes it, or another column of the file proves a
decimal comma. Where two formats remain that would read a value differently, or none remains, such values are rejected
with the reason.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from logistics_core.catalogue import Field
from logistics_pipeline.loading.contract.number_formats import (
    CONTRACT_FORMAT,
    FORMATS,
    MAX_CHARACTERS,
    PLAIN,
    POINT_OR_GROUP,
    Amount,
    NumberFormat,
    fitting_formats,
    split_amount,
    value_in,
)
from logistics_pipeline.loading.excerpts import excerpt

MAX_CURRENCIES = 5
"""Currencies kept of a column: two are already too many."""

_GROUP_NAMES = {",": "commas", ".": "points", " ": "spaces", "'": "apostrophes"}


class FoundText(NamedTuple):
    """A value of the file that proves something."""

    text: str
    record_no: int

    def __str__(self) -> str:
        return f'"{excerpt(self.text)}" in record {self.record_no}'


class UnreadableNumberError(ValueError):
    """The file does not show how the text is to be read. The message is written to follow the name of the field."""


@dataclass(frozen=True)
class NumberReading:
    """How the numbers of a column are read."""

    formats: tuple[NumberFormat, ...] = (CONTRACT_FORMAT,)
    """Those that fit all values: several only where all of them read most values alike; none if values contradict."""
    currency: str | None = None
    """The currency that all amounts of the column have."""
    currencies: tuple[FoundText, ...] = ()
    """The first amount of each currency, if amounts are read."""
    bare: FoundText | None = None
    """The first number without a currency, apart from zeros."""
    point: FoundText | None = None
    """The first value that needs a decimal point."""
    comma: FoundText | None = None
    """The first value that needs a decimal comma; of another column if this one leaves open what 1.234 is."""
    group: FoundText | None = None
    """The first value that excludes a format with its decimal character, by how it groups thousands."""
    doubtful: int = 0
    """Values such as 1,234 and 1.234."""
    is_declared: bool = False
    """The contract says so, not the file."""

    def read(self, text: str, field: Field) -> str | None:
        """Returns a trimmed text as PostgreSQL reads the number; None if it is no number in any format.

        Raises:
            UnreadableNumberError: the file does not show which number it is.
        """
        amount = amount_of(text, field)
        if amount is None or not self._is_number(amount):
            return None
        if amount.currency is not None:
            self._check_currency(text)
        if not self.is_declared and PLAIN.fullmatch(text) and not self._doubts(text):
            return text
        values = {value for format in self.formats if (value := value_in(amount.body, format)) is not None}
        if len(values) != 1:
            raise UnreadableNumberError(self._doubt(text, amount))
        return amount.sign + values.pop()

    def _is_number(self, amount: Amount) -> bool:
        formats = self.formats if self.is_declared else FORMATS
        return any(value_in(amount.body, each) for each in formats)

    def _doubts(self, text: str) -> bool:
        """Whether 1.234 may not be what the contract takes it for. It is, where another value needs the point."""
        return self.point is None and self.formats != (CONTRACT_FORMAT,) and POINT_OR_GROUP.fullmatch(text) is not None

    def _check_currency(self, text: str) -> None:
        if len(self.currencies) > 1:
            found = " and ".join(map(str, self.currencies[:2]))
            raise UnreadableNumberError(
                f'must be in one currency in all records of a file, which has {found}, found the text "{excerpt(text)}"'
            )
        if self.bare is not None:
            raise UnreadableNumberError(
                f"must have a currency in all records of a file or in none, which has {self.currencies[0]} and "
                f'{self.bare}, found the text "{excerpt(text)}"'
            )

    def _doubt(self, text: str, amount: Amount) -> str:
        if self.formats:
            readings = sorted({value for format in self.formats if (value := value_in(amount.body, format))})
            if len(readings) > 1:
                other = f"; another column has a decimal comma: {self.comma}" if self.comma else ""
                return (
                    f'is ambiguous: "{excerpt(text)}" may be {" or ".join(readings)}, and no value of its column in '
                    f"this file tells which ({self.doubtful:,} depend on it){other}; write it without groups of "
                    "thousands, or set decimalChar in the contract"
                )
        if self.point and self.comma:
            contradiction = f"{self.point} has a decimal point, {self.comma} a decimal comma"
        else:
            values = [str(each) for each in (self.point or self.comma, self.group) if each]
            contradiction = f"{' and '.join(values)} are not written alike" if values else "its values contradict"
        return (
            f'is ambiguous: "{excerpt(text)}" stands in a column that is not written in one way: {contradiction}; '
            "correct the file, or set decimalChar and groupChar in the contract"
        )

    def notes(self, name: str) -> list[str]:
        """What the ledger says about the column, one sentence each."""
        notes = []
        decimal = {each.decimal for each in self.formats}
        groups = {each.group for each in self.formats}
        proof = (self.comma if decimal == {","} else self.point) or self.group
        if proof is not None and not self.is_declared and self.formats != (CONTRACT_FORMAT,):
            signs = [f"a decimal {'comma' if sign == ',' else 'point'}" for sign in decimal if len(decimal) == 1]
            signs += [f"thousands grouped by {_GROUP_NAMES[group]}" for group in groups if group and len(groups) == 1]
            if signs:
                notes.append(f"Numbers in {name} have {' and '.join(signs)}: {proof} proves it")
        if self.currencies and len(self.currencies) == 1 and self.bare is None:
            notes.append(f"Amounts in {name} are in {self.currency}, which is left out: {self.currencies[0]} is one")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Returns it as the ledger stores it."""
        return {
            "formats": [[each.decimal, each.group] for each in self.formats],
            "currency": self.currency,
            "currencies": [list(each) for each in self.currencies],
            "bare": self.bare and list(self.bare),
            "point": self.point and list(self.point),
            "comma": self.comma and list(self.comma),
            "group": self.group and list(self.group),
            "doubtful": self.doubtful,
            "is_declared": self.is_declared,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "NumberReading":
        """Returns what `to_json` made."""
        return cls(
            formats=tuple(NumberFormat(*each) for each in document["formats"]),
            currency=document["currency"],
            currencies=tuple(FoundText(*each) for each in document["currencies"]),
            doubtful=document["doubtful"],
            is_declared=document["is_declared"],
            **{
                name: FoundText(*document[name]) if document[name] else None
                for name in ("bare", "point", "comma", "group")
            },
        )


def amount_of(text: str, field: Field) -> Amount | None:
    """Splits a trimmed text as the field allows; None if it cannot be one of its numbers."""
    amount = split_amount(
        text,
        takes_any_text=field.is_bare_number is False,
        takes_parentheses=field.has_negative_parentheses,
    )
    if amount is None or amount.currency is None:
        return amount
    return amount if field.takes_currency and field.is_bare_number is None else None


def contract_reading(field: Field) -> NumberReading | None:
    """How the contract says that numbers are written; None if it leaves that to the files."""
    if field.decimal_char is None:
        return None
    return NumberReading((NumberFormat(field.decimal_char, field.group_char),), is_declared=True)


def is_doubtful(text: str, field: Field) -> bool:
    """Whether only the whole column tells if and how a trimmed text is a number."""
    if PLAIN.fullmatch(text):
        return field.decimal_char is None and POINT_OR_GROUP.fullmatch(text) is not None
    amount = amount_of(text, field)
    if amount is None:
        return False
    if field.decimal_char is not None:
        return amount.currency is not None
    return bool(fitting_formats(amount.body))


_SHAPE = bytes.maketrans(b"012345678", b"9" * 9)
_MAY_GROUP = re.compile(rb"9[^0-9]{1,3}999(?!9)")
_LEADING_ZERO = re.compile("[^0-9]*0")
_NO_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789\x1f")
"""Without these, a leading zero is behind a separator."""
_SECOND_POINT = re.compile(r"\.[0-9]*\.")


def shapes_of(texts: Sequence[str], joined: str | None = None) -> list[bytes]:
    """Returns the texts with every digit replaced by 9: texts of one shape are read in the same way.

    Where digits may be grouped the first one stays a zero: no group begins with it. A text too long for a number has
    the shape of none. `joined` are the texts with unit separators between them, if that is known.
    """
    if max(map(len, texts), default=0) > MAX_CHARACTERS:
        texts, joined = ["?" if len(text) > MAX_CHARACTERS else text for text in texts], None
    data = ("\x1f".join(texts) if joined is None else joined).encode("utf-8", "surrogatepass")
    shapes = data.translate(_SHAPE).split(b"\x1f")
    if len(shapes) != len(texts):  # one contains the separator
        shapes = [text.encode("utf-8", "surrogatepass").translate(_SHAPE) for text in texts]
    grouped = {shape for shape in set(shapes) if _MAY_GROUP.search(shape)}
    if grouped and b"\x1f0" in b"\x1f" + data.translate(None, _NO_DIGITS):
        shapes = [
            shape.replace(b"9", b"0", 1) if shape in grouped and _LEADING_ZERO.match(text) else shape
            for shape, text in zip(shapes, texts, strict=True)
        ]
    return shapes


class _Kind(NamedTuple):
    """What all texts of one shape have in common, if they are numbers."""

    amount: Amount
    fitting: tuple[NumberFormat, ...]
    is_doubtful: bool
    is_plain: bool


class NumberEvidence:
    """Collects what the values of a column prove. Constant memory."""

    _MAX_KNOWN = 10_000

    def __init__(self, field: Field) -> None:
        declared = contract_reading(field)
        self._field = field
        self._all_formats = FORMATS if declared is None else declared.formats
        self._formats = self._all_formats
        self._numeric_words = {word for word in field.missing_words if any("0" <= each <= "9" for each in word)}
        self._currencies: dict[str, FoundText] = {}
        self._bare: FoundText | None = None
        self._point: FoundText | None = None
        self._comma: FoundText | None = None
        self._group: FoundText | None = None
        self._doubtful = 0
        self._is_irregular = False
        self._known: dict[bytes, _Kind | None] = {}

    def add(self, texts: Sequence[str], numbers: Sequence[int]) -> None:
        """Takes texts and the numbers of their records, in order."""
        if self._bare is not None and self._are_known(texts):
            return
        if self._numeric_words:
            texts = ["" if text.strip() in self._numeric_words else text for text in texts]
        shapes = shapes_of(texts)
        if len(self._known) > self._MAX_KNOWN:
            self._known.clear()
        needs_bare = self._bare is None
        for shape, count in Counter(shapes).items():  # in the order in which they first occur
            if shape not in self._known:
                kind = self._known[shape] = self._kind(shape)
                if kind is not None:
                    index = shapes.index(shape)
                    self._learn(kind, FoundText(texts[index].strip(), numbers[index]))
            kind = self._known[shape]
            if kind is not None:
                self._doubtful += count if kind.is_doubtful else 0
                if needs_bare and kind.amount.currency is None:
                    self._find_bare(shape, shapes, texts, numbers)

    def _are_known(self, texts: Sequence[str]) -> bool:
        """Whether texts are plain numbers and add nothing: as quick as possible, most columns are full of them."""
        joined = ",".join(texts)
        if len(joined.encode("utf-8", "replace").translate(None, b"0123456789.")) != max(len(texts) - 1, 0):
            return False
        return "." not in joined or (self._point is not None and not _SECOND_POINT.search(joined))

    def _find_bare(self, shape: bytes, shapes: Sequence[bytes], texts: Sequence[str], numbers: Sequence[int]) -> None:
        for index, each in enumerate(shapes):
            if each == shape and not _is_zero(texts[index]):
                self.add_bare(FoundText(texts[index].strip(), numbers[index]))
                return

    @property
    def needs_bare(self) -> bool:
        """Whether no number without a currency was found yet."""
        return self._bare is None

    def add_bare(self, found: FoundText) -> None:
        """Takes a number without a currency that is not zero. One that JSON writes as such says no more than that.

        Of several, the first of the file counts, however the file was cut into parts.
        """
        if self._bare is None or found.record_no < self._bare.record_no:
            self._bare = found

    def _kind(self, shape: bytes) -> _Kind | None:
        text = shape.decode("utf-8", "surrogatepass").strip()
        amount = None if not text or text in self._field.missing_words else amount_of(text, self._field)
        if amount is None:
            return None
        fitting = tuple(each for each in self._all_formats if value_in(amount.body, each) is not None)
        if not fitting:
            return None
        is_declared = self._field.decimal_char is not None
        return _Kind(
            amount,
            fitting,
            is_doubtful=len({value_in(amount.body, each) for each in fitting}) > 1,
            is_plain=amount.currency is None and (is_declared or _is_plain(text)),
        )

    def _learn(self, kind: _Kind, found: FoundText) -> None:
        """Takes the first value of a kind."""
        self._is_irregular |= not kind.is_plain
        if kind.amount.currency is not None and len(self._currencies) < MAX_CURRENCIES:
            self._currencies.setdefault(kind.amount.currency, found)
        decimals = _decimals(kind.fitting)
        if decimals == {"."}:
            self._point = self._point or found
        elif decimals == {","}:
            self._comma = self._comma or found
        remaining = tuple(each for each in self._formats if each in kind.fitting)
        if remaining != self._formats and _decimals(remaining) == _decimals(self._formats):
            self._group = self._group or found
        self._formats = remaining

    @property
    def decimal_comma(self) -> FoundText | None:
        """The value that proves that the column has a decimal comma, if one does."""
        return (self._comma or self._group) if _decimals(self._formats) == {","} else None

    def reading(self, foreign: FoundText | None = None) -> NumberReading | None:
        """The outcome; None if all values are written as the contract writes numbers.

        `foreign` proves a decimal comma in another column of the file: then 1.234 is not simply taken for the
        contract's notation.
        """
        if not self._is_irregular:
            return None
        is_contract = CONTRACT_FORMAT in self._formats and (foreign is None or self._point is not None)
        return NumberReading(
            formats=(CONTRACT_FORMAT,) if is_contract else self._formats,
            currency=next(iter(self._currencies)) if len(self._currencies) == 1 else None,
            currencies=tuple(self._currencies.values()),
            bare=self._bare if self._currencies else None,
            point=self._point,
            comma=self._comma or (None if is_contract else foreign),
            group=self._group,
            doubtful=self._doubtful,
            is_declared=self._field.decimal_char is not None,
        )


def _is_plain(text: str) -> bool:
    return PLAIN.fullmatch(text) is not None and POINT_OR_GROUP.fullmatch(text) is None


def _is_zero(text: str) -> bool:
    return not any("1" <= character <= "9" for character in text)


def _decimals(formats: Iterable[NumberFormat]) -> set[str]:
    return {each.decimal for each in formats}
