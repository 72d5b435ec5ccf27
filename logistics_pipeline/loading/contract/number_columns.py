"""Validates columns of numbers, on their text: no digit is lost, and no number is parsed."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Self

from logistics_core.catalogue import Field, FieldType
from logistics_pipeline.loading.contract.columns import (
    NULL,
    Column,
    ColumnValidator,
    FormatsNeededError,
    Texts,
    indexes_of,
)
from logistics_pipeline.loading.contract.file_formats import AS_THE_CONTRACT, FileFormats
from logistics_pipeline.loading.contract.number_evidence import (
    NumberReading,
    UnreadableNumberError,
    contract_reading,
    shapes_of,
)
from logistics_pipeline.loading.contract.number_formats import SPACES
from logistics_pipeline.loading.contract.record_validator import MAX_DIGITS

_NUMBER = re.compile(r"(?:-?[0-9]+(?:\.[0-9]+)?)?")
# Among values with commas before and after each:
_ZERO = re.compile(r",0+(?:\.0+)?(?=,)")
_MINUS = re.compile(",-")
_MINUS_ZERO = re.compile(",-0(?=,)")
_ZERO_BYTES = re.compile(_ZERO.pattern.encode())


class NumberTexts(list[str]):
    """A column of numbers as text, `NULL` for null.

    All but the `irregular` ones are digits, perhaps with a point and a minus sign.
    """

    may_be_negative = True
    may_have_points = True
    may_have_zeros = True
    """Whether numbers may begin with zeros: those of JSON never do."""

    def __init__(self, texts: Iterable[str], irregular: Iterable[int] = ()) -> None:
        super().__init__(texts)
        self.irregular = list(irregular)

    def _from_json(self, elements: bytes) -> Self:
        """Notes what the elements of which the regular ones were made do not have."""
        self.may_be_negative, self.may_have_points = b"-" in elements, b"." in elements
        self.may_have_zeros = False
        return self

    @classmethod
    def from_json(cls, elements: bytes, values: Sequence[Any]) -> Self:
        """Takes JSON values as written: together, with commas between them, and one by one as bytes-like objects."""
        unusual = elements.translate(None, _NUMBER_BYTES + b",")
        if not unusual:
            return cls(elements.decode().split(","))._from_json(elements)
        if not unusual.translate(None, b"nul"):
            return cls(_split(elements))._from_json(elements)
        if len(unusual) * _FEW_SHARE < len(values):
            others, irregular = _replace_others(elements, values)
            texts = _split(others)
            if len(texts) == len(values):  # or a word that means "nothing" was replaced at the end of a longer text
                for index in irregular:
                    texts[index] = bytes(values[index]).decode("utf-8", "replace")
                return cls(texts, irregular)._from_json(others)
        texts, separator = _split(elements), b","
        if len(texts) != len(values):  # some contain commas
            separator = b"\x1f"  # no value contains such a byte
            elements = separator.join(values)
            texts = _split(elements, separator)
        # A text with the word null in it keeps its quotation marks, and so is irregular.
        irregular = _find_irregular_numbers(elements.replace(b"null", b""), separator)
        return cls(texts, irregular)._from_json(elements)

    @classmethod
    def from_values(cls, column: Column) -> Self:
        """Takes texts, integers, decimals and nulls. The word null is a text like any other."""
        texts = ["" if value is None else str(value) for value in column]
        joined = ",".join(texts)
        if joined.count(",") >= len(texts):  # one of them contains a comma
            joined = ",".join(["?" if "," in text else text for text in texts])
        irregular = _find_irregular_numbers(joined.encode("utf-8", "replace"), b",")
        framed = f",{joined},"
        if _NOT_IN_JSON.search(framed):
            irregular = [index for index, text in enumerate(texts) if not _NUMBER.fullmatch(text)]
        return cls(texts if all(texts) else [text or NULL for text in texts], irregular)


class JsonNumbers(list[Any]):
    """A column of JSON values as written, without a single text: of these, nothing but one number matters as evidence.

    So they are not decoded before they are asked for.
    """

    def texts(self) -> Iterator[str]:
        """The values as text."""
        return (bytes(value).decode() for value in self)


_DIGITS = b"0123456789"
_ZEROS = bytes.maketrans(_DIGITS, b"0" * len(_DIGITS))
_HALF_TOO_LONG = b"0" * (MAX_DIGITS // 2)
"""As many digits stand in a row in a number too long, on one side of its point."""
_NUMBER_BYTES = _DIGITS + b".-"
_NOT_IN_JSON = re.compile(r"[,.-]\.|\.[,-]|\.[0-9]+\.|[0-9-]-|-,")
"""Points and minus signs where no number of JSON has them."""


_OTHER_STARTS = (b'"', b"{", b"[", b"t", b"f", b"e", b"E")
"""What is neither null nor a plain number begins with one of these, or has an exponent."""


_FEW_SHARE = 4
"""What is no number is looked for if its characters are fewer than one in this many values: the other way takes as long
whatever there is."""


def _split(elements: bytes, separator: bytes = b",") -> list[str]:
    return elements.replace(b"null", NULL.encode()).decode("utf-8", "replace").split(separator.decode())


def _replace_others(elements: bytes, values: Sequence[Any]) -> tuple[bytes, list[int]]:
    """Puts null in place of what is neither null nor a plain number, and finds the indexes. Fast where these are few.

    Takes JSON values with commas between them, and one by one.
    """
    parts, indexes, begin, index = list[bytes](), list[int](), 0, 0
    following = {start: elements.find(start) for start in _OTHER_STARTS}
    while following := {
        start: found
        for start, position in following.items()
        if (found := position if position >= begin else elements.find(start, begin)) >= begin
    }:
        position = min(following.values())
        index += elements.count(b",", begin, position)
        first = max(elements.rfind(b",", begin, position) + 1, begin)
        parts += elements[begin:first], b"null"
        indexes.append(index)
        begin = first + len(values[index])
    return b"".join([*parts, elements[begin:]]), indexes


def _find_irregular_numbers(elements: bytes, separator: bytes) -> list[int]:
    """Returns the indexes of values with other characters than digits, points and minus signs."""
    return _indexes_of_filled(elements.translate(None, _NUMBER_BYTES), separator)


def _indexes_of_filled(elements: bytes, separator: bytes = b",") -> list[int]:
    """Returns the indexes of the values that are not empty, of which there are few."""
    filled, index, position = list[int](), 0, 0
    for found in re.finditer(b"[^" + separator + b"]+", elements):
        index += found.start() - position  # only separators in between
        position = found.end()
        filled.append(index)
    return filled


class NumberColumn(ColumnValidator):
    """Plain numbers have no sign but a minus: the reference decides about others, and about overlong ones."""

    max_characters = MAX_DIGITS

    def __init__(self, field: Field, formats: FileFormats = AS_THE_CONTRACT) -> None:
        super().__init__(field)
        lower = [bound for bound in (field.above, field.at_least) if bound is not None]
        upper = [bound for bound in (field.below, field.at_most) if bound is not None]
        self._is_bounded = bool(upper) or any(lower)
        """The text alone does not show whether a number keeps its bounds."""
        self._lowest = float(max(lower, default=Decimal("-Infinity")))
        self._lowest += abs(self._lowest) * _MARGIN if lower else 0
        self._highest = float(min(upper, default=Decimal("Infinity")))
        self._highest -= abs(self._highest) * _MARGIN if upper else 0
        self._takes_negative = not lower or max(lower) < 0
        self._plain_ends = [
            *([b".,"] if field.type is not FieldType.INTEGER else ()),
            *([b"-,"] if self._takes_negative else ()),
        ]
        """What is left of plain numbers without their digits, up to the comma after them, to be taken out in turn."""
        self._takes_zero = field.above is None or field.above < 0
        self._missing = field.missing_words
        self._missing_json = frozenset(json.dumps(word) for word in self._missing)
        self._numeric_words = frozenset(word for word in self._missing if _NUMBER.fullmatch(word))
        found = formats.numbers
        reading = contract_reading(field) if found is None else found.get(field.name, contract_reading(field))
        self._converter = NumberConverter(field, reading) if reading is not None else None
        self._doubts_points = found is None and self._converter is None
        """A point may group thousands: no value of the column has shown yet that it does not."""

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        return self._encode_texts(column) or self._encode_each(column)

    def _encode_texts(self, column: Column) -> tuple[Texts, Collection[int]] | None:
        """Encodes a column of texts, nearly all of them plain numbers or empty; None if it may be something else."""
        if isinstance(column, NumberTexts) or self._is_bounded or self._numeric_words:
            return None
        try:
            return self._encode_all_texts(column)
        except TypeError:  # nulls, or other values than texts
            if None not in column:
                return None
        try:
            return self._encode_all_texts(["" if value is None else value for value in column])
        except TypeError:
            return None

    def _encode_all_texts(self, column: Column) -> tuple[Texts, Collection[int]] | None:
        """Does the same.

        Raises:
            TypeError: not all are texts.
        """
        texts = column if self._converter is None else self._converter.convert_texts(column)
        elements = _between_commas(texts)
        plain = self._encode_plain(texts, elements)
        if plain is None and not self._missing.isdisjoint(texts):
            texts = ["" if text in self._missing else text for text in texts]
            elements = _between_commas(texts)
            plain = self._encode_plain(texts, elements)
        if plain is not None:
            return plain, ()
        irregular = self._find_irregular(texts, elements)
        if irregular is None:
            return None
        if self._doubts_points and self._converter is None:
            self._check_points(column)
        texts = list(texts)
        for index in irregular:
            texts[index] = _PLAIN
        plain = self._encode_plain(texts, _between_commas(texts))
        return None if plain is None else (plain, irregular)

    def _encode_plain(self, column: Column, elements: bytes) -> Texts | None:
        """The COPY text of nothing but plain numbers and empty texts, which `elements` are; None if one may be else."""
        if not self._are_plain(elements, len(column)):
            return None
        if self.checks_lengths and _HALF_TOO_LONG in elements.translate(_ZEROS):
            return None
        if self._doubts_points and b"." in elements:
            self._check_points(column)
        if b",," not in elements:
            return column  # type: ignore[return-value]  # all are texts
        return None if self._required else [text or NULL for text in column]  # type: ignore[misc]  # these are texts

    def _find_irregular(self, texts: Column, elements: bytes) -> list[int] | None:
        """Finds the texts that do not have the shape of plain numbers; None if these are not few.

        A text of that shape may still be something else, such as `5.`.
        """
        if elements.count(b",") != len(texts) + 1:  # some contain commas
            elements = _between_commas(["?" if "," in text else text for text in texts])  # type: ignore[operator]
        shapes = elements.translate(None, _DIGITS)
        for plain in self._plain_ends:
            shapes = shapes.replace(plain, b",")
        found = set(_indexes_of_filled(shapes[1:-1]))
        if self._required and b",," in elements:
            found.update(indexes_of({""}, texts))
        if not self._takes_zero and b",0" in elements:
            found.update(_indexes_in(elements.decode(), _ZERO))
        return sorted(found) if len(found) * _MIN_PLAIN_SHARE <= len(texts) else None

    def _are_plain(self, elements: bytes, count: int) -> bool:
        """Whether all elements, each between commas, are empty or numbers that are stored as they are written."""
        signs = elements.translate(None, _DIGITS)
        points, minuses = signs.count(b"."), signs.count(b"-")
        if signs.count(b",") != count + 1 or len(signs) != count + 1 + points + minuses:
            return False
        if points and (b".." in signs or b",." in elements or b".," in elements):
            return False
        if minuses and (not self._takes_negative or not _are_signs(elements, minuses)):
            return False
        return self._takes_zero or b",0" not in elements or _ZERO_BYTES.search(elements) is None

    def _encode_each(self, column: Column) -> tuple[Texts, Collection[int]]:
        texts = column if isinstance(column, NumberTexts) else self._read(column)
        irregular = list(texts.irregular)
        if irregular and self._missing:
            irregular = self._replace_missing(texts, self._missing_json if texts is column else self._missing)
        if self.checks_lengths and max(map(len, texts), default=0) > MAX_DIGITS:
            irregular += [index for index, text in enumerate(texts) if len(text) > MAX_DIGITS]
        if self._required and NULL in texts:
            irregular += [index for index, text in enumerate(texts) if text == NULL]
        joined = _join(texts, irregular) if texts.may_be_negative or not self._takes_zero else ""
        irregular = [*irregular, *self._find_doubtful_signs(joined)]
        if self._is_bounded:
            irregular += self._find_unbounded(texts, irregular)
        if not self._takes_zero and ",0" in joined:
            irregular += _indexes_in(joined, _ZERO)
        return texts, irregular

    def _read(self, column: Column) -> NumberTexts:
        """Reads values of which texts may be written in any format."""
        if self._numeric_words:
            column = [
                None if type(value) is str and value.strip() in self._numeric_words else value for value in column
            ]
        if self._converter is not None:
            column = self._converter.convert(column)
        elif self._doubts_points:
            self._check_points(column)
        return NumberTexts.from_values(column)

    def _check_points(self, column: Column) -> None:
        """Asks for the file's formats if 1.234 may be 1234, unless a value such as 12.5 comes with it or came before.

        Raises:
            FormatsNeededError: it may.
        """
        texts = [value for value in column if type(value) is str]
        joined = "\x1f".join(texts)
        if "." not in joined:
            return
        if joined.count("\x1f") >= max(len(texts), 1):  # one contains the separator
            raise FormatsNeededError(FieldType.NUMBER)
        framed = f"\x1f{joined}\x1f"
        self._doubts_points = _PROVES_POINT.search(framed) is None
        if self._doubts_points and _POINT_OR_GROUP.search(framed):
            raise FormatsNeededError(FieldType.NUMBER)

    def _replace_missing(self, texts: NumberTexts, words: frozenset[str]) -> list[int]:
        """Replaces words that mean "nothing" by null; returns the indexes of the other irregular values."""
        irregular = list[int]()
        for index in texts.irregular:
            if texts[index].strip() in words:
                texts[index] = NULL
            else:
                irregular.append(index)
        return irregular

    def _find_doubtful_signs(self, joined: str) -> Iterator[int]:
        """Finds negative numbers where all are below a bound, and -0, which JSON may write as a number."""
        if ",-" not in joined:
            return iter(())
        return _indexes_in(joined, _MINUS_ZERO if self._takes_negative else _MINUS)

    def _find_unbounded(self, texts: Texts, irregular: Collection[int]) -> list[int]:
        """Finds numbers near a bound or beyond it: about these the reference decides, to the last digit."""
        skipped = frozenset(irregular)
        return [
            index
            for index, text in enumerate(texts)
            if text != NULL and index not in skipped and not self._lowest <= float(text) <= self._highest
        ]


class IntegerColumn(NumberColumn):
    """Numbers without a decimal point and without leading zeros."""

    def _are_plain(self, elements: bytes, count: int) -> bool:
        if b"." in elements or ((b",0" in elements or b"-0" in elements) and _LEADING_ZERO_BYTES.search(elements)):
            return False
        return super()._are_plain(elements, count)

    def _encode_each(self, column: Column) -> tuple[Texts, Collection[int]]:
        texts, irregular = super()._encode_each(column)
        if isinstance(column, NumberTexts) and not (column.may_have_points or column.may_have_zeros):
            return texts, irregular
        joined = f",{','.join(texts)},"
        if "." in joined or _LEADING_ZERO.search(joined):
            irregular = [*irregular, *(i for i, text in enumerate(texts) if not _INTEGER.fullmatch(text))]
        return texts, irregular


def _between_commas(column: Column) -> bytes:
    """Texts with a comma on either side of each.

    Raises:
        TypeError: not all are texts.
    """
    return f",{','.join(column)},".encode("ascii", "replace")  # type: ignore[arg-type]  # anything but text raises


def _are_signs(elements: bytes, minuses: int) -> bool:
    """Whether each minus begins a number, and none of these is -0, which the reference stores without it."""
    return elements.count(b",-") == minuses and not any(each in elements for each in (b"-,", b"-.", b"-0,"))


_LEADING_ZERO = re.compile(",-?0[0-9]")
_LEADING_ZERO_BYTES = re.compile(_LEADING_ZERO.pattern.encode())
_INTEGER = re.compile(r"0|-?[1-9][0-9]*|\\N|")

_MARGIN = 1e-9
"""More than what a float may be off."""

_PROVES_POINT = re.compile(
    r"\x1f-?(?:[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})|[0-9]{4,}\.[0-9]{3}|0[0-9]*\.[0-9]{3})(?=\x1f)", re.ASCII
)
_POINT_OR_GROUP = re.compile(r"\x1f-?[1-9][0-9]{0,2}\.[0-9]{3}(?=\x1f)", re.ASCII)


_PLAIN = "1"
"""Takes the place of a text that is not plain, so that the others can be judged together."""
_MIN_PLAIN_SHARE = 8
"""If more than one in this many texts is not plain, all are judged one by one."""

_FOR_THE_REFERENCE = "\0"
"""Takes the place of a text that is no number of its column. No contract lists it, so it never means "nothing"."""


class NumberConverter:
    """Converts texts in the format of their column to plain numbers, all at once."""

    _MAX_KNOWN = 10_000

    def __init__(self, field: Field, reading: NumberReading) -> None:
        self._field = field
        self._reading = reading
        self._replacements = (
            [*_replacements(reading), *_PARENTHESES] if field.has_negative_parentheses else list(_replacements(reading))
        )
        self._known: dict[bytes, bool] = {}
        """Shapes of texts, and whether the replacements make of them what the reference would."""

    def convert(self, column: Column) -> Column:
        """Returns the column with plain numbers for texts. What the reference must decide becomes no number."""
        if set(map(type, column)) == {str}:
            return self.convert_texts(column)
        indexes = [index for index, value in enumerate(column) if isinstance(value, str)]
        converted = list(column)
        texts: list[str] = [column[index] for index in indexes]  # type: ignore[misc]  # these are texts
        for index, text in zip(indexes, self.convert_texts(texts), strict=True):
            converted[index] = text
        return converted

    def convert_texts(self, column: Column) -> Texts:
        """Does the same with nothing but texts.

        Raises:
            TypeError: not all are texts.
        """
        texts: Texts = column  # type: ignore[assignment]  # nothing else can be joined
        joined = "\x1f".join(texts)
        shapes = shapes_of(texts, joined)
        if len(self._known) > self._MAX_KNOWN:
            self._known.clear()
        other = {shape for shape in set(shapes) if not self._is_known(shape)}
        if not other and not self._replacements:
            return texts
        replaced = self._replace(joined).split("\x1f")
        converted = replaced if len(replaced) == len(texts) else [self._replace(text) for text in texts]
        if other:
            return [
                new
                if shape not in other
                else ""
                if not text.strip()
                else text
                if text.strip() in self._missing
                else _FOR_THE_REFERENCE
                for new, shape, text in zip(converted, shapes, texts, strict=True)
            ]
        return converted

    @property
    def _missing(self) -> frozenset[str]:
        return self._field.missing_words

    def _replace(self, text: str) -> str:
        for old, new in self._replacements:
            text = text.replace(old, new)
        return text

    def _is_known(self, shape: bytes) -> bool:
        """Whether texts of this shape are converted; any other goes to the reference."""
        known = self._known.get(shape)
        if known is None:
            text = shape.decode("utf-8", "surrogatepass")
            try:
                known = self._reading.read(text, self._field) == self._replace(text)
            except UnreadableNumberError:
                known = False
            self._known[shape] = known
        return known


_PARENTHESES = (("(", "-"), (")", ""))


def _replacements(reading: NumberReading) -> Iterator[tuple[str, str]]:
    """What to replace in a text of the column so that a plain number remains, in this order."""
    if reading.currency is not None:
        yield reading.currency, ""
        yield from ((space, "") for space in SPACES)
    decimals = {each.decimal for each in reading.formats}
    groups = {each.group for each in reading.formats}
    if len(groups) == 1 and (group := groups.pop()) is not None:
        yield from ((each, "") for each in (SPACES if group == " " else "'\u2019" if group == "'" else group))
    if decimals == {","}:
        yield ",", "."


def _join(texts: Texts, irregular: Collection[int]) -> str:
    """The values with commas before and after each. Those that are no numbers are left out: they may contain commas."""
    if irregular:
        texts = list(texts)
        for index in irregular:
            texts[index] = ""
    return f",{','.join(texts)},"


def _indexes_in(joined: str, pattern: re.Pattern[str]) -> Iterator[int]:
    """Finds the values that a pattern matches, from the comma before each on. Most columns have few of them."""
    index, counted = -1, 0
    for found in pattern.finditer(joined):
        index += joined.count(",", counted, found.start() + 1)
        counted = found.start() + 1
        yield index
