"""Validates columns of texts."""

import re
from collections.abc import Collection, Iterable, Iterator

from logistics_core.catalogue import Field
from logistics_pipeline.loading.contract.columns import NULL, Column, ColumnValidator, Texts
from logistics_pipeline.loading.contract.record_validator import MAX_TEXT_CHARACTERS

# Characters that COPY or a parser treats specially, and those that str.strip() removes, except for the blank.
_SUSPECT = re.compile(r"[\x00-\x1f\\\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
_WIDE_SPACE = re.compile(r"[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_SUSPECT_BYTES = bytes([*range(0x20), ord("\\")])
# First UTF-8 bytes of white space outside ASCII: U+0085, U+00A0; U+1680; U+2000 to U+205F; U+3000.
_WIDE_SPACE_LEADS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3")


class TextColumn(ColumnValidator):
    """Text: trimmed, 1 to 255 characters, and none of the words that mean "nothing"."""

    max_characters = MAX_TEXT_CHARACTERS

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._missing = field.missing_words
        self._nothing = self._missing | {""}
        self._repeating = _RepeatingTexts()

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        if (known := self._repeating.encode(column)) is not None:
            return known, ()
        plain = self._encode_plain(column)
        if plain is None:
            return self._encode_each(column)
        self._repeating.learn(column, plain)
        return plain, ()

    def _encode_plain(self, column: Column) -> Texts | None:
        """The COPY text of a column of which the reference would take every value unchanged, or as nothing."""
        try:
            has_nothing = _have_nothing(column)
        except TypeError:  # nulls, or other values than texts
            if self._required or not set(map(type, column)) <= {str, type(None)}:
                return None
            column = [value or "" for value in column]
            has_nothing = _have_nothing(column)
        texts: Texts = column  # type: ignore[assignment]  # nothing else could be joined
        if has_nothing is None or (self.checks_lengths and max(map(len, texts), default=0) > MAX_TEXT_CHARACTERS):
            return None
        if not has_nothing and (not self._missing or self._missing.isdisjoint(texts)):
            return texts
        return None if self._required else [NULL if text in self._nothing else text for text in texts]

    def _encode_each(self, column: Column) -> tuple[Texts, Collection[int]]:
        irregular = list[int]()
        if self._required and None in column:  # absent: common, and the cheapest to find
            irregular = list(_indexes_of(None, column))
            column = list(column)
            for index in irregular:
                column[index] = "?"
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

    def _find_irregular(self, column: Column) -> Iterable[int]:
        texts: Texts = column  # type: ignore[assignment]  # if all are texts
        if set(map(type, column)) != {str}:
            texts = ["" if value is None else value if type(value) is str else "\0" for value in column]
        irregular = set(_find_suspects(texts))
        if self._required:
            irregular.update(_indexes_of("", texts))
        if self.checks_lengths:
            irregular.update(index for index, text in enumerate(texts) if len(text) > MAX_TEXT_CHARACTERS)
        return irregular


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

    def encode(self, column: Column) -> Texts | None:
        """The COPY text of a column of nothing but known texts and nulls; None if it may be something else."""
        if not self._known:
            return None
        try:
            distinct = set(column)
        except TypeError:  # arrays or objects: no texts
            return None
        if not distinct <= self._known.keys():
            return None
        if self._changed.isdisjoint(distinct):
            return column  # type: ignore[return-value]  # all are texts
        return list(map(self._known.__getitem__, column))

    def learn(self, column: Column, texts: Texts) -> None:
        """Takes a column of texts and nulls, and its COPY text."""
        if not self._do_repeat or len(column) < self._LEAST_VALUES:
            return
        found = dict(zip(column, texts, strict=True))
        self._do_repeat = (
            len(found) * self._LEAST_REPEATED <= len(column) and len(self._known) + len(found) <= self._MAX_KNOWN
        )
        if not self._do_repeat:
            self._known.clear()
        elif max(map(len, texts)) <= MAX_TEXT_CHARACTERS:
            self._known |= found
            self._changed.update(value for value, text in found.items() if value != text)


def _have_nothing(texts: Column) -> bool | None:
    """Whether there is an empty text among plain ones; None if one is not plain.

    Raises:
        TypeError: not all are texts.
    """
    joined = "\n".join(texts)  # type: ignore[arg-type]  # anything but text raises
    try:
        data = joined.encode()
    except UnicodeEncodeError:
        return None
    if len(data.translate(None, _SUSPECT_BYTES)) != len(data) - max(len(texts) - 1, 0):  # the line ends are our own
        return None
    if b" " in data and (data[:1] == b" " or data[-1:] == b" " or b"\n " in data or b" \n" in data):
        return None
    if not joined.isascii() and any(lead in data for lead in _WIDE_SPACE_LEADS) and _WIDE_SPACE.search(joined):
        return None
    return data[:1] in (b"", b"\n") or data[-1:] == b"\n" or b"\n\n" in data


_SUSPECT_BYTE = re.compile(rb"[\x00-\x09\x0b-\x1f\\]")
_WIDE_LEADS = (*_WIDE_SPACE_LEADS, b"\xed")
"""The last begins a lone surrogate, among others."""


def _indexes_of(wanted: object, values: Column) -> Iterator[int]:
    index = -1
    for _ in range(values.count(wanted)):
        index = values.index(wanted, index + 1)
        yield index


def _find_suspects(texts: Texts) -> Iterator[int]:
    """Finds texts with a character that is not plain anywhere, or a blank at either end."""
    joined = "\n".join(["", *texts, ""])
    if joined.count("\n") > len(texts) + 1:
        yield from (index for index, text in enumerate(texts) if "\n" in text)
        texts = ["" if "\n" in text else text for text in texts]
        joined = "\n".join(["", *texts, ""])
    data = joined.encode("utf-8", "surrogatepass")
    for blank in (b"\n ", b" \n"):
        yield from _line_numbers(data, _positions(data, blank))
    if len(data.translate(None, _SUSPECT_BYTES)) < len(data) - len(texts) - 1:  # the line ends between are our own
        yield from _line_numbers(data, (found.start() for found in _SUSPECT_BYTE.finditer(data)))
    if any(lead in data for lead in _WIDE_LEADS):
        yield from (index for index, text in enumerate(texts) if not text.isascii() and _SUSPECT.search(text))


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
