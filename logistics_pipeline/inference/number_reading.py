"""Columns of numbers: which notation fits all values, and whether they are numbers at all."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import NamedTuple

from logistics_core.catalogue import FieldType
from logistics_core.catalogue.model import NUMERIC_TYPES
from logistics_pipeline.inference.codes import MOST_DIGITS, check_digit_of, name_of_code, sign_of_code
from logistics_pipeline.inference.column_types import Column, Doubt, Reading, hang_on_it
from logistics_pipeline.inference.names import words_of
from logistics_pipeline.loading.contract.number_evidence import shapes_of
from logistics_pipeline.loading.contract.number_formats import (
    CONTRACT_FORMAT,
    FORMATS,
    NumberFormat,
    split_amount,
    value_in,
)

_PARENTHESES = re.compile(r"\((.+)\)")
_PER_CENT = re.compile(r"(.+?)[ \u00a0\u202f]?%")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_BIGINT = re.compile(rf"-?[0-9]{{1,{MOST_DIGITS}}}")
_DIGITS = re.compile(r"[0-9]+")

YEAR_WORDS = frozenset(
    {"year", "years", "yr", "jahr", "annee", "ano", "anio", "anno", "rok", "god", "fy", "vuosi", "aar"}
)
_MONTH_WORDS = frozenset({"month", "yearmonth", "yyyymm", "monat", "mois", "mes", "mese", "period", "periode"})
_ID_WORDS = frozenset({"id", "key", "no", "nr", "number", "num", "nummer", "code", "ref", "uid"})

_VERSION_WORDS = frozenset({"version", "release", "revision", "rev", "firmware"})
"""1.10 is not 1.1 then."""

_FIRST_YEAR, _LAST_YEAR = 1000, 2200
_EPOCHS = {10: (631_152_000, 4_102_444_800, "seconds"), 13: (631_152_000_000, 4_102_444_800_000, "milliseconds")}
"""Digits of a time counted from 1970: from 1990 to 2100."""
_SENTINELS = frozenset(
    f"{number}{zeros}"
    for number in (-99, -999, -9999, -99999, -999999, 9999, 99999, 999999, 9999999)
    for zeros in ("", ".0", ".00")
)
_FEWEST_SENTINELS = 3
_MOST_STRAYS, _FEWEST_ALIKE = 0.1, 8
"""The largest share of cells in another notation that may be rejected, and how many distinct values are alike."""
_MOST_SHOWN = 3


class Notation(NamedTuple):
    """How the texts of one shape are written."""

    body: str
    sign: str
    currency: str | None = None
    is_percent: bool = False
    has_parentheses: bool = False


def notation_of(text: str) -> Notation | None:
    """Splits a number into what is around it and its body; None if the text is no number in any format."""
    has_parentheses = is_percent = False
    if match := _PARENTHESES.fullmatch(text):
        text, has_parentheses = match[1], True
    if match := _PER_CENT.fullmatch(text):
        text, is_percent = match[1], True
    amount = split_amount(text)
    if amount is None or not any(value_in(amount.body, each) is not None for each in FORMATS):
        return None
    if has_parentheses and any(sign in text for sign in "+-\u2212("):
        return None
    return Notation(amount.body, amount.sign, amount.currency, is_percent, has_parentheses)


def read_numbers(column: Column, texts: Sequence[str]) -> Reading:
    """Decides what a column of numbers is. Every text has a notation."""
    if column.natives == {"number"}:
        return _read_json_numbers(column, texts)
    reason = sign_of_code(texts) or _reason_of_name(column) or _reason_of_check_digit(texts)
    if reason is not None:
        return Reading(FieldType.STRING, (f"digits, but {reason}: kept as text",))
    shapes = _Shapes(column, texts)
    refused = shapes.refusal()
    if refused is not None:
        reading = Reading(FieldType.STRING, ("numbers, but not all written alike: kept as text",), (refused,))
        return _with_rest(column, texts, reading, shapes.strays()) if refused.kind == "number_format" else reading
    reading = shapes.reading()
    if reading.type is not FieldType.INTEGER or shapes.has_marks:
        return reading if shapes.has_marks else _with_sentinels(column, texts, reading)
    return _integers(column, texts, reading)


def _with_rest(column: Column, texts: Sequence[str], reading: Reading, strays: Sequence[str]) -> Reading:
    """The same with the answer that few cells in another notation are rejected, if there are such."""
    if not strays:
        return reading
    excluded = set(strays)
    rest = read_numbers(column, [text for text in texts if text not in excluded])
    if rest.type not in NUMERIC_TYPES or rest.open_formats:
        return reading
    cells = column.cells(strays)
    text = (
        f"{counted({text: column.counts[text] for text in strays})}: in another notation than the other "
        f"{column.cells(texts) - cells:,} cells. Are the records of these cells rejected, or is the column text?"
    )
    doubt = Doubt("number_format", text, cells, ("text", "rejected"), tuple(strays[:_MOST_SHOWN]))
    return replace(reading, doubts=(doubt,), otherwise=rest)


def _read_json_numbers(column: Column, texts: Sequence[str]) -> Reading:
    """Numbers that JSON writes as such have one notation."""
    because = f"all {column.cells(texts):,} values are JSON numbers"
    if all(_BIGINT.fullmatch(text) for text in texts):
        return _integers(column, texts, Reading(FieldType.INTEGER, (because,)))
    return _with_sentinels(column, texts, Reading(FieldType.NUMBER, (because,)))


def _reason_of_name(column: Column) -> str | None:
    word = name_of_code(column.title)
    if word is None and any("." in text for text in column.counts):
        word = next((each for each in words_of(column.title) if each in _VERSION_WORDS), None)
    return None if word is None else f"the name says `{word}`"


def _reason_of_check_digit(texts: Sequence[str]) -> str | None:
    kind = check_digit_of(texts)
    return None if kind is None else f"all {len(texts):,} values have a right check digit, {kind}"


class _Shapes:
    """The notations of a column, one for all values of a shape, with the number of their cells and an example."""

    def __init__(self, column: Column, texts: Sequence[str]) -> None:
        self._column = column
        self._texts = texts
        self._shapes = shapes_of(texts)
        examples = dict(zip(reversed(self._shapes), reversed(texts), strict=True))
        self._notations: dict[bytes, tuple[Notation, str]] = {}
        for shape in reversed(examples):
            notation = notation_of(examples[shape])
            assert notation is not None
            self._notations[shape] = (notation, examples[shape])

    @cached_property
    def _cells(self) -> dict[bytes, int]:
        """The cells of each shape. Most columns need no such count."""
        cells: dict[bytes, int] = {}
        for shape, text in zip(self._shapes, self._texts, strict=True):
            cells[shape] = cells.get(shape, 0) + self._column.counts[text]
        return cells

    @property
    def _zeros(self) -> int:
        """Cells with a zero and nothing around it."""
        return sum(self._column.counts[text] for text in self._texts if not text.strip("0.,-+"))

    @property
    def has_marks(self) -> bool:
        """Whether something stands around the numbers."""
        return any(each.currency or each.is_percent or each.has_parentheses for each, _ in self._notations.values())

    def refusal(self) -> Doubt | None:
        """What forbids to read the column as numbers."""
        total = self._column.cells(self._texts)
        currencies = self._by(lambda each: each.currency)
        if len(currencies - {None}) > 1:
            found = " and ".join(sorted(str(each) for each in currencies - {None}))
            return self._doubt("currency", f"amounts in {found} stand in one column", total)
        if len(currencies) > 1 and self._count(lambda each: each.currency is None) > self._zeros:
            return self._doubt(
                "currency",
                "some amounts have a currency and others have none",
                self._count(lambda each: not each.currency),
            )
        if len(self._by(lambda each: each.is_percent)) > 1:
            cells = self._count(lambda each: not each.is_percent)
            return self._doubt("percent", "some values have a percent sign and others have none", cells)
        if self.has_parentheses and len(self._by(lambda each: each.has_parentheses)) == 1:
            return self._doubt("parentheses", "all values are in parentheses: amounts below zero, or a mark?", total)
        if self.has_parentheses and self._by(lambda each: each.sign) & {"-"}:
            return self._doubt("parentheses", "some values have a minus sign, others parentheses", total)
        if not self._fitting():
            return self._doubt("number_format", f"no notation fits all values: {self._contradiction()}", total)
        return None

    @property
    def has_parentheses(self) -> bool:
        return any(each.has_parentheses for each, _ in self._notations.values())

    def _by(self, what: Callable[[Notation], object]) -> set[object]:
        return {what(each) for each, _ in self._notations.values()}

    def _count(self, what: Callable[[Notation], object]) -> int:
        return sum(self._cells[shape] for shape, (each, _) in self._notations.items() if what(each))

    def _doubt(self, kind: str, text: str, cells: int) -> Doubt:
        """No answer makes numbers of such a column: only another file does."""
        return Doubt(kind, f"{text}. Correct the file to load numbers, or keep the text.", cells, ("text",))

    def _fitting(self) -> tuple[NumberFormat, ...]:
        """The formats that fit all values."""
        return tuple(
            each
            for each in FORMATS
            if all(value_in(notation.body, each) is not None for notation, _ in self._notations.values())
        )

    def strays(self) -> list[str]:
        """The texts that the notation of nearly all cells does not fit; none if no notation has so many."""

        def unfit(format: NumberFormat) -> frozenset[bytes]:
            return frozenset(
                shape for shape, (each, _) in self._notations.items() if value_in(each.body, format) is None
            )

        fewest = min(map(unfit, FORMATS), key=lambda shapes: sum(self._cells[shape] for shape in shapes))
        pairs = zip(self._shapes, self._texts, strict=True)
        found = [text for shape, text in pairs if shape in fewest]
        is_rare = self._column.cells(found) <= _MOST_STRAYS * self._column.cells(self._texts)
        return found if is_rare and len(self._texts) - len(found) >= _FEWEST_ALIKE else []

    def _contradiction(self) -> str:
        """Two values that no notation fits."""
        points = [text for each, text in self._notations.values() if _decimals(each.body) == {"."}]
        commas = [text for each, text in self._notations.values() if _decimals(each.body) == {","}]
        found = [*points[:1], *commas[:1]] if points and commas else [text for _, text in self._notations.values()][:2]
        return " and ".join(f"`{text}`" for text in found)

    def reading(self) -> Reading:
        """The notation and the type."""
        fitting = self._fitting()
        doubtful = [
            shape
            for shape, (notation, _) in self._notations.items()
            if len({value_in(notation.body, each) for each in fitting}) > 1
        ]
        chosen = CONTRACT_FORMAT if CONTRACT_FORMAT in fitting else fitting[0]
        numbers = [value_in(notation.body, chosen) or "" for notation, _ in self._notations.values()]
        is_whole = not doubtful and all(_DIGITS.fullmatch(number) for number in numbers)
        first = next(iter(self._notations.values()))[0]
        currency = next((each.currency for each, _ in self._notations.values() if each.currency), None)
        reading = Reading(
            FieldType.INTEGER if is_whole and currency is None and not first.is_percent else FieldType.NUMBER,
            (f"all {self._column.cells(self._texts):,} values are numbers",),
            currency=currency,
            is_percent=first.is_percent,
            has_parentheses=self.has_parentheses,
        )
        if currency:
            reading = reading.but(f"all amounts have the currency {currency}")
        if doubtful:
            return self._with_doubt(reading, fitting, doubtful)
        return self._with_format(reading, fitting, chosen)

    def _with_format(self, reading: Reading, fitting: Sequence[NumberFormat], chosen: NumberFormat) -> Reading:
        if all(each.body.isdecimal() for each, _ in self._notations.values()):
            return reading
        if chosen == CONTRACT_FORMAT:
            return reading.but(number_format=chosen)
        group = f"thousands grouped by {chosen.group!r}" if chosen.group else ""
        if len(_signs(fitting)) > 1:
            return reading.but(f"{group}: `{self._proof_of(chosen)}` proves it", group=chosen.group)
        sign = f"a decimal {'point' if chosen.decimal == '.' else 'comma'}"
        words = ", ".join(filter(None, (sign, group)))
        return reading.but(f"{words}: `{self._proof_of(chosen)}` proves it", number_format=chosen)

    def _proof_of(self, chosen: NumberFormat) -> str:
        """A value that the fewest formats fit."""

        def fits(body: str) -> int:
            return sum(value_in(body, each) is not None for each in FORMATS)

        return min(self._notations.values(), key=lambda pair: fits(pair[0].body))[1]

    def _with_doubt(self, reading: Reading, fitting: Sequence[NumberFormat], doubtful: Sequence[bytes]) -> Reading:
        notation, example = self._notations[doubtful[0]]
        readings = sorted({value for each in fitting if (value := value_in(notation.body, each))}, key=float)
        cells = sum(self._cells[shape] for shape in doubtful)
        doubt = Doubt(
            "decimal_character",
            f"`{example}`: is it {' or '.join(readings)}? {hang_on_it(cells)}",
            cells,
            tuple(f"decimal {'point' if sign == '.' else 'comma'}" for sign in (".", ",") if sign in _signs(fitting)),
        )
        return reading.but(doubts=(doubt,), open_formats=tuple(fitting))


def _decimals(body: str) -> set[str]:
    return _signs([each for each in FORMATS if value_in(body, each) is not None])


def _signs(formats: Sequence[NumberFormat]) -> set[str]:
    return {each.decimal for each in formats}


# -- integers that are something else --------------------------------------------------------------------------------


def _integers(column: Column, texts: Sequence[str], reading: Reading) -> Reading:
    words = set(words_of(column.title))
    if all(map(_DIGITS.fullmatch, texts)):
        lengths = set(map(len, texts))
        if lengths == {4} and (found := _years(texts, words)):
            return reading.but(found, type=FieldType.YEAR)
        if lengths == {8} and not words & _ID_WORDS and _are_days(texts, words):
            forms = ("%Y%m%d",)
            return reading.but(
                "all values are days written as yyyymmdd", type=FieldType.DATE, date_forms=forms, format="%Y%m%d"
            )
        if lengths == {6} and not words & _ID_WORDS and _are_months(texts, words):
            return reading.but("all values are months written as yyyymm", type=FieldType.YEAR_MONTH, format="%Y%m")
        if len(lengths) == 1 and (doubt := _epoch(column, texts, lengths.pop(), words)):
            return reading.but(doubts=(doubt,))
    return _with_sentinels(column, texts, reading)


def _years(texts: Sequence[str], words: set[str]) -> str | None:
    years = sorted(map(int, texts))
    if not _FIRST_YEAR <= years[0] <= years[-1] <= _LAST_YEAR:
        return None
    if words & YEAR_WORDS:
        return "all values are years, and the name says so"
    span = years[-1] - years[0] + 1
    if years[0] >= 1800 and years[-1] <= 2100 and len(years) >= 5 and len(years) >= 0.9 * span:
        return f"all values are years, nearly every one from {years[0]} to {years[-1]}"
    return None


def _are_days(texts: Sequence[str], words: set[str]) -> bool:
    if len(texts) < 3 and not words & {"date", "day", "datum", "tag", "fecha", "data", "jour"}:
        return False
    try:
        days = [date(int(text[:4]), int(text[4:6]), int(text[6:])) for text in texts]
    except ValueError:
        return False
    return all(1900 <= day.year <= 2100 for day in days)


def _are_months(texts: Sequence[str], words: set[str]) -> bool:
    if len(texts) < (1 if words & _MONTH_WORDS else 6):
        return False
    return all(1900 <= int(text[:4]) <= 2100 and 1 <= int(text[4:]) <= 12 for text in texts)


def _epoch(column: Column, texts: Sequence[str], length: int, words: set[str]) -> Doubt | None:
    if length not in _EPOCHS or words & _ID_WORDS:
        return None
    first, last, unit = _EPOCHS[length]
    if not all(first <= int(text) <= last for text in texts):
        return None
    text = f"`{texts[0]}`: a number, or a time in {unit} since 1970? {hang_on_it(column.filled)}"
    return Doubt("epoch", text, column.filled, ("number", f"time in {unit} since 1970"))


def _with_sentinels(column: Column, texts: Sequence[str], reading: Reading) -> Reading:
    """Asks whether a number such as -999, in many cells and far from all others, means "nothing"."""
    found = [text for text in _SENTINELS.intersection(texts) if column.counts[text] >= _FEWEST_SENTINELS]
    if not found or reading.open_formats or (reading.number_format or CONTRACT_FORMAT) != CONTRACT_FORMAT:
        return reading
    others = [abs(float(text)) for text in texts if text not in found]
    far = [text for text in found if others and abs(float(text)) >= 5 * max(others)]
    if not far:
        return reading
    cells = column.cells(far)
    doubt = Doubt(
        "missing_value",
        f"`{far[0]}` stands in {cells:,} cells and is far from all other values: does it mean nothing?",
        cells,
        ("nothing", "a value"),
        tuple(far),
    )
    return reading.but(doubts=(*reading.doubts, doubt))


def counted(texts: Mapping[str, int], most: int = 3) -> str:
    """Texts with their counts, for people."""
    shown = ", ".join(f"`{text}` ({count:,})" for text, count in list(texts.items())[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most:,} more"
