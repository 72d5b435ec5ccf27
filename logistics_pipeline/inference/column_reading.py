"""Decides the type of a column by the set of its values: every one counts, whether it occurs once or a million times.

A column has a type only if all of its values do, apart from words that mean "nothing". Where a few values break the
type, the column is text, and a question names them. Memory: the distinct values of the sample.
"""

import re
from collections.abc import Callable, Sequence

from logistics_core.catalogue import FieldType
from logistics_core.catalogue.model import FALSE_VALUES, TEMPORAL_TYPES, TRUE_VALUES
from logistics_pipeline.inference.column_types import Column, Doubt, Reading
from logistics_pipeline.inference.date_reading import is_clock, is_date, is_year_month, read_clocks, read_dates
from logistics_pipeline.inference.missing_words import is_missing
from logistics_pipeline.inference.number_reading import counted, notation_of, read_numbers
from logistics_pipeline.loading.contract.nested_values import InvalidNestedError, nested_text_of
from logistics_pipeline.loading.contract.number_formats import MAX_CHARACTERS

_MOST_MISFITS = 12
"""Distinct values of no type, and not known to mean nothing: with more the column is text, and nothing is asked."""
_MOST_ASKED = 3
_FEWEST_TYPED = 8, 0.1
"""How many distinct values of a type there are at least beside others that are asked about, and the largest share of
these among the cells."""
_FEWEST_DATES = 2, 0.34
"""Texts are not dates by chance: one that is none is a slip."""

_MOST_TRIES = 6
"""Texts of one shape that are looked at before it is clear that none of them is a date: 31/31/2024 is not."""
_SEPARATOR = "\x1f"
_DIGITS = str.maketrans("012345678", "9" * 9)
_NUMBER_START = re.compile(r"[0-9(+\u2212.,'-]|[^\sa-z]{1,4}[ \u00a0]?[0-9.,(-]|(?:kr|lei|z\u0142|K\u010d|Ft)")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_PLAIN_COLUMN = re.compile(r"[+-]?[0-9]++(?:\.[0-9]++)?+(?:\x1f[+-]?[0-9]++(?:\.[0-9]++)?+)*+")

_PAIRS = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("ja", "nein"), ("j", "n"),
    ("oui", "non"), ("o", "n"), ("si", "no"), ("sí", "no"), ("sim", "não"), ("s", "n"), ("wahr", "falsch"),
    ("vrai", "faux"), ("verdadero", "falso"), ("vero", "falso"), ("tak", "nie"), ("да", "нет"), ("ano", "ne"),
    ("enabled", "disabled"),
)  # fmt: skip


def read_column(column: Column) -> Reading:
    """Decides the type of a column."""
    if column.natives and column.natives <= {"nested"}:
        return _nested(column, tuple(column.counts))
    if not column.counts:
        return Reading(FieldType.STRING, ("no cell holds anything",))
    boolean = _read_boolean(column)
    if boolean is not None:
        return boolean
    families = _Families(column)
    if families.are_texts:
        return Reading(FieldType.STRING, (distinct_texts(column),))
    return families.reading()


def distinct_texts(column: Column) -> str:
    """How many distinct texts a column has, for people."""
    return "one text in all cells" if len(column.counts) == 1 else f"{len(column.counts):,} distinct texts"


def _read_boolean(column: Column) -> Reading | None:
    words = {text.casefold() for text in column.counts if not is_missing(text)} if len(column.counts) <= 12 else set()
    if not words or len(words) > 2:
        return None
    pair = next((pair for pair in _PAIRS if words == set(pair)), None)
    if pair is None and not words <= {"true", "false"}:
        return None
    texts = [text for text in column.counts if text.casefold() in words]
    missing = tuple(text for text in column.counts if text not in texts)
    because = (f"only {counted({text: column.counts[text] for text in texts})}",)
    if pair is None or pair == ("true", "false"):
        words_of_pair = ((), ()) if set(texts) <= {*TRUE_VALUES, *FALSE_VALUES} else (_cases("true"), _cases("false"))
    else:
        words_of_pair = (_cases(pair[0]), _cases(pair[1]))
    true, false = (
        (*cases, *(text for text in texts if cases and text.casefold() == cases[0] and text not in cases))
        for cases in words_of_pair
    )
    return Reading(FieldType.BOOLEAN, because, missing=missing, true_values=true, false_values=false)


def _cases(word: str) -> tuple[str, ...]:
    """A word as people write it: another row may begin it with a capital letter."""
    return tuple(dict.fromkeys((word, word.capitalize(), word.upper())))


class _Families:
    """The values of a column by what they may be: numbers, dates, times, months, JSON; words for "nothing"; others."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._by_family: dict[str, list[str]] = {}
        self.missing: list[str] = []
        self.others: list[str] = []
        self.are_texts = False
        self._sort()

    def _sort(self) -> None:
        shapes: dict[str, str | None] = {}
        tries: dict[str, int] = {}
        if self._is_plain():
            self._by_family["numbers"] = list(self._column.counts)
            return
        texts = list(self._column.counts)
        for text, shape in zip(texts, _shapes(texts), strict=True):
            family = shapes.get(shape)
            if family is None and tries.get(shape, 0) < _MOST_TRIES:
                tries[shape] = tries.get(shape, 0) + 1
                family = shapes[shape] = _family(text)
            if family is not None:
                self._by_family.setdefault(family, []).append(text)
            elif is_missing(text):
                self.missing.append(text)
            else:
                self.others.append(text)
                if len(self.others) > _MOST_MISFITS:
                    self.are_texts = True
                    return

    def _is_plain(self) -> bool:
        """Whether all values are plain numbers: most columns are, and this takes a tenth of the time."""
        return self._column.natives == {"number"} or _are_plain(list(self._column.counts))

    def reading(self) -> Reading:
        """The type of the column."""
        if not self._by_family:
            return self._text(distinct_texts(self._column))
        family = max(self._by_family, key=lambda each: len(self._by_family[each]))
        odd = [text for each, texts in self._by_family.items() if each != family for text in texts]
        if len(odd) > _MOST_ASKED:
            return self._text(f"values of several kinds ({', '.join(sorted(self._by_family))}): kept as text")
        self.others += odd
        texts = self._by_family[family]
        reading, misfits = _READERS[family](self._column, texts)
        if misfits:
            excluded = set(misfits)
            texts = [text for text in texts if text not in excluded]
            self.others += misfits
            if texts and len(self.others) <= _MOST_ASKED:
                reading, more = _READERS[family](self._column, texts)
                self.others += more
        if not self.others:
            missing = tuple(self.missing) if reading.type is not FieldType.STRING else ()
            found = {text: self._column.counts[text] for text in missing}
            return reading.but(*([f"{counted(found)} stands for nothing"] if found else ()), missing=missing)
        return self._text_but_for(family, texts, reading)

    def _text(self, because: str) -> Reading:
        return Reading(FieldType.STRING, (because,))

    def _text_but_for(self, family: str, typed: Sequence[str], typed_reading: Reading) -> Reading:
        """A text; if few values break a type, with the question what they mean."""
        others = {text: self._column.counts[text] for text in self.others}
        cells = sum(others.values())
        reading = self._text(f"{family} but for {counted(others)}: kept as text")
        fewest, share = _FEWEST_DATES if typed_reading.type in TEMPORAL_TYPES else _FEWEST_TYPED
        is_rare = len(others) <= _MOST_ASKED and cells <= share * self._column.filled
        if not is_rare or len(typed) < fewest:
            return reading
        text = f"{family} but for {counted(others)}: do these cells mean nothing, or is the column text?"
        doubt = Doubt("odd_value", text, cells, ("text", "nothing", "rejected"), tuple(others))
        otherwise = None if typed_reading.type is FieldType.STRING else typed_reading.but(missing=tuple(self.missing))
        return reading.but(doubts=(doubt,), otherwise=otherwise)


def _are_plain(texts: Sequence[str]) -> bool:
    is_plain = _PLAIN_COLUMN.fullmatch(_SEPARATOR.join(texts)) is not None
    return is_plain and max(map(len, texts)) <= MAX_CHARACTERS


def _shapes(texts: Sequence[str]) -> list[str]:
    """The texts with the same digit in place of each, as far as it matters."""
    shapes = _SEPARATOR.join(texts).translate(_DIGITS).split(_SEPARATOR)
    return shapes if len(shapes) == len(texts) else [text.translate(_DIGITS) for text in texts]


def _family(text: str) -> str | None:
    """What a text may be; None for a word."""
    first = text[:1]
    if first in "{[":
        return "JSON" if _is_json(text) else None
    if is_number(text):
        return "numbers"
    if len(text) > 48:
        return None
    if is_year_month(text):
        return "months"
    if is_date(text):
        return "dates"
    return "times" if is_clock(text) else None


def is_number(text: str) -> bool:
    """Whether a text is a number in some notation."""
    if len(text) <= MAX_CHARACTERS and _PLAIN.fullmatch(text):
        return True
    return _NUMBER_START.match(text) is not None and notation_of(text) is not None


def _is_json(text: str) -> bool:
    try:
        nested_text_of(text, FieldType.OBJECT if text.startswith("{") else FieldType.ARRAY)
    except InvalidNestedError:
        return False
    return True


def _read_json(column: Column, texts: Sequence[str]) -> tuple[Reading, Sequence[str]]:
    return _nested(column, texts), [text for text in texts if not _is_json(text)]


def _nested(column: Column, texts: Sequence[str]) -> Reading:
    """Arrays; or objects, perhaps with arrays among them."""
    cells = column.cells(texts)
    if all(text.startswith("[") for text in texts):
        return Reading(FieldType.ARRAY, (f"all {cells:,} values are JSON arrays",))
    arrays = any(text.startswith("[") for text in texts)
    return Reading(FieldType.OBJECT, (f"all {cells:,} values are JSON objects{' or arrays' if arrays else ''}",))


def _read_numbers(column: Column, texts: Sequence[str]) -> tuple[Reading, Sequence[str]]:
    if column.natives == {"number"} or _are_plain(texts):
        return read_numbers(column, texts), ()
    misfits = [text for text in texts if not is_number(text)]
    if misfits:
        excluded = set(misfits)
        texts = [text for text in texts if text not in excluded]
    return read_numbers(column, texts), misfits


def _read_clocks(column: Column, texts: Sequence[str]) -> tuple[Reading, Sequence[str]]:
    misfits = [text for text in texts if not is_clock(text)]
    return read_clocks(column, texts) if not misfits else Reading(FieldType.STRING), misfits


def _read_months(column: Column, texts: Sequence[str]) -> tuple[Reading, Sequence[str]]:
    misfits = [text for text in texts if not is_year_month(text)]
    return Reading(FieldType.YEAR_MONTH, (f"all {column.cells(texts):,} values are months in ISO 8601",)), misfits


_READERS: dict[str, Callable[[Column, Sequence[str]], tuple[Reading, Sequence[str]]]] = {
    "numbers": _read_numbers,
    "dates": read_dates,
    "times": _read_clocks,
    "months": _read_months,
    "JSON": _read_json,
}


def looks_typed(text: str) -> bool:
    """Whether a single text looks like a number, a date, a time or a month."""
    return _family(text) is not None
