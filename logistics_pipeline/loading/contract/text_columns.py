"""Validates columns of texts."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TypeGuard

from logistics_core.catalogue import Field
from logistics_pipeline.loading.contract.columns import NULL, Column, ColumnValidator, Texts
from logistics_pipeline.loading.contract.record_validator import MAX_TEXT_CHARACTERS

# Characters that COPY or a parser treats specially, and those that str.strip() removes, except for the blank.
_SUSPECT = re.compile(r"[\x00-\x1f\\\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
_SUSPECT_BYTES = bytes([*range(0x20), ord("\\")])
# First UTF-8 bytes of white space outside ASCII: U+0085, U+00A0; U+1680; U+2000 to U+205F; U+3000.
_WIDE_SPACE_LEADS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3")


class TextColumn(ColumnValidator):
    """Text: trimmed, 1 to 255 characters, and none of the words that mean "nothing"."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._missing = field.missing_words

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
        if self._missing and not self._missing.isdisjoint(texts):
            if self._required:
                irregular += [index for index, text in enumerate(texts) if text in self._missing]
            else:
                texts = ["" if text in self._missing else text for text in texts]
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
