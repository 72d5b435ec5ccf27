"""How the files of a dataset are written, where its contract says so: their encoding and their dialect.

The keys are those of Data Package (https://datapackage.org/standard/table-dialect/). What a contract leaves out is as
each file proves it, not the default of the standard: a contract without a dialect takes files with any delimiter.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Any

import msgspec

ENCODINGS = frozenset(
    {"ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be"}
    | {f"iso8859-{number}" for number in range(1, 17) if number != 12}
    | {f"cp{number}" for number in range(1250, 1259)}
    | {
        f"cp{number}"
        for number in (437, 720, 737, 775, 850, 852, *range(855, 859), *range(860, 864), 865, 866, 869, 874)
    }
    | {"koi8-r", "koi8-u", "mac-roman", "mac-latin2", "mac-cyrillic", "mac-greek", "mac-turkish", "tis-620"}
    | {"shift_jis", "cp932", "euc_jp", "gb2312", "gbk", "gb18030", "big5", "cp950", "euc_kr", "cp949"}
)
"""Encodings of text in files, by Python's names, in which ASCII characters are what they are (but for UTF-16)."""

MAX_HEADER_ROWS = 10
MAX_ROW_NUMBER = 1_000
"""The last row that can be of a header or a comment by its number: the loader looks for a header no further."""
MAX_COMMENT_ROWS = 100
MAX_PROPERTY_CHARACTERS = 255
MAX_JOIN_CHARACTERS = 10

_NO_DELIMITER = re.compile(r'["\r\n\0\ufeff\ud800-\udfff]')
_NO_MARK = re.compile(r"[\w\s\0]|[^\x00-\x7f]")


@dataclass(frozen=True)
class TableDialect:
    """How files are written. None: as each file proves."""

    delimiter: str | None = None
    quote_char: str | None = None
    double_quote: bool | None = None
    """Whether two quotes within quotes stand for one."""
    escape_char: str | None = None
    """What precedes a delimiter or a quote that is text."""
    header: bool | None = None
    """Whether files have a header: False if columns follow from their positions."""
    header_rows: tuple[int, ...] = ()
    """The numbers of the rows that make up the header, from 1; blank rows count."""
    header_join: str = " "
    """What stands between the names of several header rows."""
    comment_char: str | None = None
    """Rows that begin with it are comments."""
    comment_rows: tuple[int, ...] = ()
    """The numbers of rows to be passed over."""
    skip_initial_space: bool | None = None
    """Whether blanks after a delimiter do not belong to the value."""
    array_path: str | None = None
    """`property` of the standard: what leads to the array of records in a JSON document, keys separated by points."""

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing."""
        return self == PLAIN


PLAIN = TableDialect()


class DialectKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The keys of a dialect in a contract file. Unknown ones are refused: a misspelt one would be ignored."""

    delimiter: str | None = None
    quote_char: str | None = None
    double_quote: bool | None = None
    escape_char: str | None = None
    header: bool | None = None
    header_rows: list[int] | None = None
    header_join: str | None = None
    comment_char: str | None = None
    comment_rows: list[int] | None = None
    skip_initial_space: bool | None = None
    property: str | None = None


def read_encoding(name: str | None) -> str | None:
    """Returns Python's name of an encoding.

    Raises:
        ValueError: files cannot be in it.
    """
    if name is None:
        return None
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found not in ENCODINGS:
        raise ValueError(
            f"encoding is {name!r}, which is not known. It must be the name of a text encoding such as utf-8, "
            "windows-1250, iso-8859-2, cp850, koi8-r or shift_jis."
        )
    return found


def read_dialect(keys: DialectKeys | None) -> TableDialect:
    """Returns the dialect that keys of a contract describe.

    Raises:
        ValueError: they contradict each other, or no file can be written so.
    """
    if keys is None:
        return PLAIN
    _check_characters(keys)
    return TableDialect(
        delimiter=keys.delimiter,
        quote_char=keys.quote_char,
        double_quote=keys.double_quote,
        escape_char=keys.escape_char,
        header=keys.header,
        header_rows=_header_rows(keys),
        header_join=_header_join(keys.header_join),
        comment_char=keys.comment_char,
        comment_rows=_row_numbers(keys.comment_rows, "commentRows", MAX_COMMENT_ROWS),
        skip_initial_space=keys.skip_initial_space,
        array_path=_property(keys.property),
    )


def _check_characters(keys: DialectKeys) -> None:
    given: dict[str, Any] = {
        "delimiter": keys.delimiter,
        "quoteChar": keys.quote_char,
        "escapeChar": keys.escape_char,
        "commentChar": keys.comment_char,
    }
    given = {key: value for key, value in given.items() if value is not None}
    for key, value in given.items():
        pattern = _NO_DELIMITER if key == "delimiter" else _NO_MARK
        if len(value) != 1 or pattern.search(value):
            kind = "no quote and no line break" if key == "delimiter" else "a punctuation mark of ASCII"
            raise ValueError(f"dialect.{key} must be a single character, {kind}, not {value!r}.")
    for key, value in given.items():
        others = [other for other in given if other != key and given[other] == value]
        if others:
            raise ValueError(f"dialect: {key} and {others[0]} are both {value!r}; they must differ.")


def _header_rows(keys: DialectKeys) -> tuple[int, ...]:
    rows = _row_numbers(keys.header_rows, "headerRows", MAX_HEADER_ROWS)
    _row_numbers(keys.comment_rows, "commentRows", MAX_COMMENT_ROWS)
    if keys.header is False and rows:
        raise ValueError("dialect: headerRows names rows, but header is false. Remove one of them.")
    both = sorted(set(rows).intersection(keys.comment_rows or ()))
    if both:
        raise ValueError(f"dialect: row {both[0]} is in headerRows and in commentRows. Remove it from one of them.")
    _check_comment_rows(keys, rows)
    return rows


def _check_comment_rows(keys: DialectKeys, header_rows: tuple[int, ...]) -> None:
    """Comments by number are above the header or right below it: further down, only a character tells them."""
    comments = set(keys.comment_rows or ())
    last = header_rows[-1] if header_rows else 0
    if not header_rows and keys.header is not False:
        last = next(number for number in range(1, MAX_ROW_NUMBER + 2) if number not in comments)
    below = sorted(number for number in comments if number > last)
    if below != list(range(last + 1, last + 1 + len(below))):
        raise ValueError(
            f"dialect.commentRows names row {below[-1]}, but rows above it are records. Only rows above the header or "
            "right below it can be named; mark others with commentChar."
        )


def _row_numbers(rows: list[int] | None, key: str, most: int) -> tuple[int, ...]:
    if rows is None:
        return ()
    are_numbers = all(1 <= row <= MAX_ROW_NUMBER for row in rows)
    if not are_numbers or sorted(set(rows)) != rows or len(rows) > most:
        raise ValueError(
            f"dialect.{key} must be at most {most} row numbers from 1 to {MAX_ROW_NUMBER:,} in ascending order, each "
            f"only once, not {rows[: most + 1]}."
        )
    return tuple(rows)


def _header_join(text: str | None) -> str:
    if text is None:
        return " "
    if len(text) > MAX_JOIN_CHARACTERS or not text.isprintable():
        raise ValueError(f"dialect.headerJoin must have at most {MAX_JOIN_CHARACTERS} printable characters.")
    return text


def _property(text: str | None) -> str | None:
    if text is not None and not (0 < len(text) <= MAX_PROPERTY_CHARACTERS and text.isprintable()):
        raise ValueError(
            f"dialect.property must have 1 to {MAX_PROPERTY_CHARACTERS} printable characters, such as `data.items`."
        )
    return text
