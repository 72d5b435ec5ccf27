"""Validates columns of numbers, on their text: no digit is lost, and no number is parsed."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

from logistics_core.catalogue import Field
from logistics_pipeline.loading.contract.columns import NULL, Column, ColumnValidator, Texts
from logistics_pipeline.loading.contract.record_validator import MAX_DIGITS

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
        if not unusual.translate(None, b"nul"):
            return cls(texts)
        # A text with the word null in it keeps its quotation marks, and so is irregular.
        return cls(texts, _find_irregular_numbers(elements.replace(b"null", b""), separator))

    @classmethod
    def from_values(cls, column: Column) -> Self:
        """Takes texts, integers, decimals and nulls. The word null is a text like any other."""
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
    """Returns the indexes of values other than digits with points."""
    left = elements.translate(None, _NUMBER_BYTES)
    irregular, index, position = list[int](), 0, 0
    for found in re.finditer(b"[^" + separator + b"]+", left):
        index += found.start() - position  # only separators in between
        position = found.end()
        irregular.append(index)
    return irregular


class NumberColumn(ColumnValidator):
    """Plain numbers have no sign: the reference decides about negative numbers, and about overlong ones."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        bounds = [bound for bound in (field.above, field.at_least) if bound is not None]
        self._is_above_zero = any(bound > 0 for bound in bounds)
        """The text alone does not show whether a number keeps such a bound: the reference decides about each."""
        self._takes_zero = field.above is None or field.above < 0

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        texts = column if isinstance(column, NumberTexts) else NumberTexts.from_values(column)
        irregular = texts.irregular
        if self.checks_lengths and max(map(len, texts), default=0) > MAX_DIGITS:
            irregular += [index for index, text in enumerate(texts) if len(text) > MAX_DIGITS]
        if self._required and NULL in texts:
            irregular += [index for index, text in enumerate(texts) if text == NULL]
        if self._is_above_zero:
            irregular += [index for index, text in enumerate(texts) if text != NULL]
        elif not self._takes_zero and _has_zero(texts):
            irregular += [index for index, text in enumerate(texts) if not text.strip("0.")]
        return texts, irregular


def _has_zero(texts: Texts) -> bool:
    joined = f",{','.join(texts)},"
    return ",0" in joined and _ZERO.search(joined) is not None
