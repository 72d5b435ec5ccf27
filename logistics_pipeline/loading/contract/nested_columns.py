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

_LINE_END = b"\n"
_check_lines = msgspec.json.Decoder(msgspec.Raw).decode_lines
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
        self._nothing = frozenset[object](self._missing | {None})
        self._shapes = _Shapes(self._brackets)

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        texts = self._read_quickly(column)
        return self._encode_each(column) if texts is None else (texts, ())

    def _read_quickly(self, column: Column) -> Texts | None:
        """Reads a column of nothing but plain JSON, each value on one line without blanks around it, and of nulls.

        None if it is not that.
        """
        texts: Texts = column  # type: ignore[assignment]  # anything but text raises
        nothing, is_json = self._nothing, len(column) > 0 and type(column[0]) is msgspec.Raw
        try:
            if is_json:
                texts = _LINE_END.join(column).decode().split("\n")  # type: ignore[arg-type]  # anything else raises
                nothing = _NULLS
            if len(texts) != len(column):
                return None
            if nothing.isdisjoint(texts):
                return self._read_lines(texts, is_json=is_json)
            found = (
                None if self._required else self._read_lines([t for t in texts if t not in nothing], is_json=is_json)
            )
        except (TypeError, UnicodeError):
            return None
        following = iter(found or ())
        return None if found is None else [NULL if text in nothing else next(following) for text in texts]

    def _read_lines(self, texts: Texts, *, is_json: bool) -> Texts | None:
        """Returns texts that are plain, each on one line; with `is_json`, they are known to be JSON."""
        data = "\n".join(texts).encode()
        if not texts or (self._shapes.are_plain(data, len(texts)) and (is_json or _are_json(data))):
            return texts
        return None

    def _encode_each(self, column: Column) -> tuple[Texts, Collection[int]]:
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
        return not texts or _keeps_names(joined.encode(), _decode_each_line)

    def _begin_as_they_should(self, texts: Sequence[str], joined: str) -> bool:
        """Whether each of some texts, which are joined by line ends, begins with a bracket of the right kind."""
        if joined.count("\n") == len(texts) - 1:
            framed = f"\n{joined}"
            return sum(framed.count(f"\n{bracket}") for bracket in self._brackets) == len(texts)
        return all(text.startswith(self._brackets) for text in texts)


class _Shapes:
    """Knows JSON values by their shapes, which are their texts with all digits alike: shapes repeat.

    Where a shape has no two members of one name in an object, no value of that shape has. Nor has it anything else that
    a look at single digits would be needed for.
    """

    _MAX_KNOWN = 2_000
    _MAX_CHARACTERS = 1_000
    """Of a shape that is remembered."""
    _PATIENCE = 8
    """How often a part of the column may have another shape before shapes are no longer looked at."""

    def __init__(self, brackets: tuple[str, ...]) -> None:
        self._brackets = brackets
        self._known = set[bytes]()
        self._patience = self._PATIENCE

    def are_plain(self, lines: bytes, count: int) -> bool:
        """Whether so many values, one on each line, have shapes that keep their meaning in the database."""
        if not self._patience:
            return False
        shapes = lines.translate(_DIGITS).split(_LINE_END)
        is_plain = len(shapes) == count and all(map(self._learn, set(shapes).difference(self._known)))
        self._patience = min(self._patience + 1, self._PATIENCE) if is_plain else self._patience - 1
        return is_plain

    def _learn(self, shape: bytes) -> bool:
        text = shape.decode()
        if len(self._known) == self._MAX_KNOWN or len(text) > self._MAX_CHARACTERS or not self._is_plain(text):
            return False
        self._known.add(shape)
        return True

    def _is_plain(self, shape: str) -> bool:
        has_brackets = shape.startswith(self._brackets) and shape.endswith(("}", "]"))
        if not has_brackets or not shape.isprintable() or "\\" in shape or _SUSPECT.search(shape) is not None:
            return False
        return not _may_be_deep(shape) and _keeps_names(shape.encode(), _decode)


def _are_json(lines: bytes) -> bool:
    try:
        _check_lines(lines)
    except _DECODE_ERRORS:
        return False
    return True


def _may_be_deep(text: str) -> bool:
    return text.count("{") + text.count("[") > _NESTED_DEEP


_NULLS = frozenset[object]({"null"})
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


def _decode_each_line(lines: bytes) -> list[object]:
    values: list[object] = _decode_lines(lines)
    if len(values) != lines.count(_LINE_END) + 1:
        raise msgspec.DecodeError("several values are on one line")
    return values


def _escaped(texts: list[str]) -> list[str]:
    joined = "\x1f".join(texts)
    if NULL in texts:
        return [text if text == NULL else _escape(text) for text in texts]
    escaped = _escape(joined)
    return texts if escaped == joined else escaped.split("\x1f")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
