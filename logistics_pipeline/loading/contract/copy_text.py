r"""Rows as text for COPY (PostgreSQL's text format: tab, line feed, backslash escapes, \N for NULL)."""

import re

from logistics_pipeline.loading.contract.record_validator import Row

# https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
_SPECIAL = re.compile(r"[\\\t\n\r\b\f\v]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"}


def encode_row(row: Row, record_no: int) -> str:
    """Encodes a row as a line of COPY text without its line end: the values, then the record number."""
    return "\t".join([*("\\N" if value is None else escape(value) for value in row), str(record_no)])


def escape(value: str) -> str:
    """Escapes a value so that COPY reads it back unchanged."""
    return _SPECIAL.sub(lambda match: _ESCAPES[match.group()], value)


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED = {escaped[1]: character for character, escaped in _ESCAPES.items()}


def unescape(text: str) -> str | None:
    """Returns the value of which `escape` made this text; None for NULL."""
    if "\\" not in text:
        return text
    return None if text == "\\N" else _ESCAPE.sub(lambda match: _UNESCAPED[match[1]], text)
