"""Rows as text for COPY (PostgreSQL's text format: tab, line feed, backslash escapes, \\N for NULL)."""

import re
from collections.abc import Iterator, Sequence

from logistics_pipeline.loading.records import Row

# https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
_SPECIAL = re.compile(r"[\\\t\n\r\b\f\v]")
_SPECIAL_BUT_TABS = re.compile(r"[\n\r\b\f\v]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"}

ROWS_PER_BLOCK = 2_000


def encode_rows(rows: Sequence[Row], record_numbers: Sequence[int], file_id: int) -> Iterator[bytes]:
    """Yields the rows as blocks of COPY text, `file_id` and the record's number behind each row's own values."""
    for start in range(0, len(rows), ROWS_PER_BLOCK):
        end = start + ROWS_PER_BLOCK
        lines = [
            f"{_encode_row(row)}\t{file_id}\t{number}\n"
            for row, number in zip(rows[start:end], record_numbers[start:end], strict=True)
        ]
        yield "".join(lines).encode()


def _encode_row(row: Row) -> str:
    # Few rows need escaping: counting what is there is cheaper than looking into every value.
    text = "\t".join([value if value is not None else "\\N" for value in row])
    if text.count("\t") == len(row) - 1 and text.count("\\") == row.count(None) and not _SPECIAL_BUT_TABS.search(text):
        return text
    return "\t".join(["\\N" if value is None else escape(value) for value in row])


def escape(value: str) -> str:
    """A value as COPY reads it back unchanged."""
    return _SPECIAL.sub(lambda match: _ESCAPES[match.group()], value)
