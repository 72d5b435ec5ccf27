"""Validates columns of texts."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import compress, repeat
from operator import is_not

from logistics_core.catalogue import Field
from logistics_pipeline.loading.contract.columns import (
    NULL,
    Column,
    ColumnValidator,
    Texts,
    indexes_of,
    with_nothing_at,
)
from logistics_pipeline.loading.contract.record_validator import MAX_TEXT_CHARACTERS

# Outside ASCII: what str.strip() removes, and halves of surrogate pairs.
_WIDE = re.compile(r"[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
# In ASCII: what COPY or a parser treats specially, and what str.strip() removes, except for the blank.
_SUSPECT_BYTES = bytes([*range(0x20), ord("\\")])
_SUSPECT_BYTE = re.compile(rb"[\x00-\x09\x0b-\x1f\\]")
# First UTF-8 bytes of the others: U+0085, U+00A0; U+1680; U+2000 to U+205F; U+3000; surrogates.
_WIDE_LEADS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3", b"\xed")

_Encode = Callable[[Column], tuple[Texts, Collection[int]]]


class TextColumn(ColumnValidator):
    """Text: trimmed, 1 to 255 characters, and none of the words that mean "nothing"."""

    max_characters = MAX_TEXT_CHARACTERS

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._missing = field.missing_words
        self._nothing = self._missing | {""}
        self._repeating = _RepeatingTexts()

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        if (known := self._repeating.encode(column, self._encode_each)) is not None:
            return known
        texts, irregular = self._encode_each(column)
        if not irregular:
            self._repeating.learn(column, texts)
        return texts, irregular

    def _encode_each(self, column: Column) -> tuple[Texts, Collection[int]]:
        try:
            texts, joined, others = _texts(column), "\n".join(_texts(column)), list[int]()
        except TypeError:  # nulls, or other values than texts
            texts, joined, others = self._replace_others(column)
        irregular, empty = _find_suspects(texts, joined)
        irregular.update(others)
        if self.checks_lengths and max(map(len, texts), default=0) > MAX_TEXT_CHARACTERS:
            irregular.update(index for index, text in enumerate(texts) if len(text) > MAX_TEXT_CHARACTERS)
        has_words = bool(self._missing) and not self._missing.isdisjoint(texts)
        if self._required:
            irregular.update(empty)
            irregular.update(indexes_of(self._missing, texts) if has_words else ())
        elif empty or has_words:
            texts = [NULL if text in self._nothing else text for text in texts]
        return texts, irregular

    def _replace_others(self, column: Column) -> tuple[list[str], str, list[int]]:
        """The column with texts in place of other values, the same joined, and where these are not plain."""
        nulls = indexes_of({None}, column) if self._required else []
        texts = list(_texts(column if self._required else ["" if value is None else value for value in column]))
        for index in nulls:
            texts[index] = _OTHER
        try:
            return texts, "\n".join(texts), nulls
        except TypeError:
            types = list(map(type, texts))
        others = list(compress(range(len(types)), map(is_not, types, repeat(str))))
        for index in others:
            texts[index] = _OTHER
        return texts, "\n".join(texts), nulls + others


_OTHER = "?"
"""Takes the place of what is no text."""


def _texts(column: Column) -> Texts:
    """A column of texts, as far as is known: joining anything else raises an error."""
    return column  # type: ignore[return-value]


class _RepeatingTexts:
    """The plain texts of a column so far, as long as they repeat: then a look at each distinct one is enough."""

    _MAX_KNOWN = 2_000
    _LEAST_REPEATED = 4
    """How often texts occur on average in a part of the column, or they do not repeat."""
    _LEAST_VALUES = 64
    """Of a part from which is learned."""

    def __init__(self) -> None:
        self._known: dict[object, str] = {}
        """COPY text of texts and of null."""
        self._changed = set[object]()
        """Those with another COPY text."""
        self._do_repeat = True

    def encode(self, column: Column, encode_each: _Encode) -> tuple[Texts, Collection[int]] | None:
        """Encodes a column of known texts and nulls, and few others; None if it may be something else.

        `encode_each` looks at each of those others once.
        """
        if not self._known:
            return None
        try:
            distinct = set(column)
        except TypeError:  # arrays or objects: no texts
            return None
        irregular: Collection[int] = ()
        if new := distinct.difference(self._known):
            if len(new) * self._LEAST_REPEATED > len(distinct):
                return None
            values = list(new)
            texts, others = encode_each(values)
            self._remember({text: texts[index] for index, text in enumerate(values) if index not in others})
            if not self._known:
                return None
            irregular = indexes_of(new.difference(self._known), column)
        if not self._changed.isdisjoint(distinct):
            return [self._known.get(value, "") for value in column], irregular
        return with_nothing_at(irregular, column), irregular

    def learn(self, column: Column, texts: Texts) -> None:
        """Takes a column of texts and nulls, and its COPY text."""
        if not self._do_repeat or len(column) < self._LEAST_VALUES:
            return
        found: dict[object, str] = dict(zip(column, texts, strict=True))
        self._do_repeat = len(found) * self._LEAST_REPEATED <= len(column)
        self._remember(found)

    def _remember(self, found: Mapping[object, str]) -> None:
        """Adds texts, unless one is too long; forgets all if they are too many or do not repeat."""
        self._do_repeat = self._do_repeat and len(self._known) + len(found) <= self._MAX_KNOWN
        if not self._do_repeat:
            self._known.clear()
        elif max(map(len, found.values()), default=0) <= MAX_TEXT_CHARACTERS:
            self._known |= found
            self._changed.update(value for value, text in found.items() if value != text)


def _find_suspects(texts: Texts, joined: str) -> tuple[set[int], list[int]]:
    """Finds texts with a character that is not plain anywhere, or a blank at either end; and empty ones.

    They are given one by one and joined by line ends.
    """
    found = set[int]()
    data = f"\n{joined}\n".encode("utf-8", "surrogatepass")
    if len(data.translate(None, _SUSPECT_BYTES)) < len(data) - len(texts) - 1:  # the line ends between are our own
        if joined.count("\n") >= len(texts):
            found.update(index for index, text in enumerate(texts) if "\n" in text)
            data = "\n".join(["", *("?" if "\n" in text else text for text in texts), ""]).encode(
                "utf-8", "surrogatepass"
            )
        found.update(_line_numbers(data, (place.start() for place in _SUSPECT_BYTE.finditer(data))))
    if b" " in data:  # looking for one byte is much faster
        for blank in (b"\n ", b" \n"):
            found.update(_line_numbers(data, _positions(data, blank)))
    if not joined.isascii() and any(lead in data for lead in _WIDE_LEADS) and _WIDE.search(joined):
        found.update(index for index, text in enumerate(texts) if not text.isascii() and _WIDE.search(text))
    return found, list(_line_numbers(data, _positions(data, b"\n\n")))


def _positions(data: bytes, wanted: bytes) -> Iterator[int]:
    position = data.find(wanted)
    while position >= 0:
        yield position
        position = data.find(wanted, position + 1)


def _line_numbers(data: bytes, positions: Iterable[int]) -> Iterator[int]:
    """The numbers, from 0, of the lines that positions are in. Each line begins with its line end."""
    line, counted = -1, 0
    for position in positions:
        line += data.count(b"\n", counted, position + 1)
        counted = position + 1
        yield line
