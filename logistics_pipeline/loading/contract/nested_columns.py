"""Validates columns of arrays and objects on their text, which goes to the database as it is."""

import re
from collections.abc import Callable, Collection, Sequence

import msgspec

from logistics_core.catalogue import Field, FieldType
from logistics_pipeline.loading.contract.columns import NULL, Column, ColumnValidator, Texts

_SUSPECT = re.compile(
    r"\\u(?:0000|003[aA]|[dD][89a-fA-F])|[0-9]{20}|[0-9][eE][+-]?[0-9]{3}|[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
"""What may be a NUL, half of a surrogate pair, a colon in disguise, or a number beyond what is kept: the reference
looks at such values."""
_NESTED_DEEP = 63
"""Brackets that no value has too many of: with more, the reference counts the levels. A record is one level itself."""

_decode = msgspec.json.Decoder().decode
_decode_lines = msgspec.json.Decoder().decode_lines
_encode = msgspec.json.Encoder().encode
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)


class NestedColumn(ColumnValidator):
    """Values as JSON text: cells of a CSV file, or parts of a JSON file that were not decoded."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._brackets = ("{", "[") if field.type is FieldType.OBJECT else ("[",)
        self._missing = field.missing_words | {""}

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        irregular = set[int]()
        texts = self._texts(column, irregular)
        values = [text for text in texts if text != NULL]
        if self._required and len(values) < len(texts):
            irregular.update(index for index, text in enumerate(texts) if text == NULL)
        if not self._are_plain(values):
            irregular.update(i for i, text in enumerate(texts) if text != NULL and not self._are_plain([text]))
        for index in irregular:
            texts[index] = ""
        return _escaped(texts), sorted(irregular)

    def _texts(self, column: Column, irregular: set[int]) -> list[str]:
        """The values as JSON text, `NULL` for nothing. What is not text is irregular."""
        return self._plain_texts(column) or self._each_text(column, irregular)

    def _plain_texts(self, column: Column) -> list[str] | None:
        """The values if all of them are JSON text, taken at once."""
        types = set(map(type, column))
        if types == {str}:
            texts: list[str] = list(map(str.strip, column))  # type: ignore[arg-type]  # all are texts
        elif types == {msgspec.Raw}:
            joined = b"\x1f".join(column)  # type: ignore[arg-type]  # no value contains such a byte
            texts = joined.decode("utf-8", "surrogateescape").split("\x1f")
            if "null" in texts:
                return None
        else:
            return None
        return texts if self._missing.isdisjoint(texts) and NULL not in texts else None

    def _each_text(self, column: Column, irregular: set[int]) -> list[str]:
        texts = list[str]()
        for index, value in enumerate(column):
            if type(value) is msgspec.Raw:
                text = bytes(value).decode("utf-8", "surrogateescape")
                text = NULL if text == "null" else text
            elif type(value) is str:
                text = value.strip()
                text = NULL if text in self._missing else text
            elif value is None:
                text = NULL
            else:
                text = ""
            if text == "":
                irregular.add(index)
                text = "[]"  # in its place
            texts.append(text)
        return texts

    def _are_plain(self, texts: Sequence[str]) -> bool:
        """Whether each text is JSON of the right kind that keeps its meaning in the database."""
        joined = "\n".join(texts)
        if not self._begin_as_they_should(texts, joined) or _is_suspect(joined):
            return False
        if max(map(len, texts), default=0) > 2 * _NESTED_DEEP and any(map(_may_be_deep, texts)):
            return False
        if joined.count("\n") >= max(len(texts), 1):  # only between tokens may a line end
            return len(texts) == 1 and _keeps_names(joined.encode(), _decode)
        return not texts or _keeps_names(joined.encode(), _decode_lines)

    def _begin_as_they_should(self, texts: Sequence[str], joined: str) -> bool:
        """Whether each of some texts, which are joined by line ends, begins with a bracket of the right kind."""
        if joined.count("\n") == len(texts) - 1:
            framed = f"\n{joined}"
            return sum(framed.count(f"\n{bracket}") for bracket in self._brackets) == len(texts)
        return all(text.startswith(self._brackets) for text in texts)


def _may_be_deep(text: str) -> bool:
    return text.count("{") + text.count("[") > _NESTED_DEEP


_DIGITS = bytes.maketrans(b"012345678", b"9" * 9)
_CONTROLS = bytes([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_SUSPECT_BYTES = (b"\\u", b"9" * 20, b"9e", b"9E", b"\xed")


def _is_suspect(text: str) -> bool:
    """Whether something suspect stands in a text. The pattern is slow: it looks only where it may find it."""
    data = text.encode("utf-8", "surrogatepass").translate(_DIGITS)
    if len(data.translate(None, _CONTROLS)) == len(data) and not any(each in data for each in _SUSPECT_BYTES):
        return False
    return _SUSPECT.search(text) is not None


def _keeps_names(data: bytes, decode: Callable[[bytes], object]) -> bool:
    """Whether a text is JSON without two members of one name in an object: of these, only one would remain.

    Each member has a colon. Other colons are in strings, which stay as they are.
    """
    try:
        return _encode(decode(data)).count(b":") == data.count(b":")
    except _DECODE_ERRORS:
        return False


def _escaped(texts: list[str]) -> list[str]:
    joined = "\x1f".join(texts)
    if NULL in texts:
        return [text if text == NULL else _escape(text) for text in texts]
    escaped = _escape(joined)
    return texts if escaped == joined else escaped.split("\x1f")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
