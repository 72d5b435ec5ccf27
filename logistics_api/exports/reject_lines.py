"""A reject as a line of the form that `logistics rejects export` writes and `logistics rejects replay` reads.

`record` is the reject's text as a JSON value for a person to correct. It is null where the text is not certain to be
read as the pipeline reads it: a replay then takes the text itself, or a whole record that a person writes there.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from logistics_core.reject_text import as_json, raw_text

LARGEST_BYTES = 1 << 20
"""A larger record is not offered as a JSON value."""
DEEPEST = 64
"""More levels of nesting than any record that can be replayed."""
_MARK = "\ufeff"


class _NotCertainError(ValueError):
    """The text may not be read as the pipeline reads it."""


def reject_line(row: Mapping[str, Any], layout: Mapping[str, Any] | None) -> bytes:
    """Encodes a row with path, version, record_no, byte_offset, field, reason and raw; `layout` is that of its file."""
    document = {
        "file": row["path"],
        "version": row["version"],
        "record_no": row["record_no"],
        "byte_offset": row["byte_offset"],
        "field": row["field"],
        "reason": row["reason"],
        **raw_text(row["raw"]),
        "record": _editable(row["raw"], layout, has_fields=row["field"] is not None),
    }
    return as_json(document) + b"\n"


def _editable(raw: bytes, layout: Mapping[str, Any] | None, *, has_fields: bool) -> object:
    if layout is None or len(raw) > LARGEST_BYTES:
        return None
    text = raw.decode("utf-8", "surrogateescape")
    try:
        if layout["kind"] == "csv":
            return _read_row(text, layout["delimiter"], layout["names"]) if has_fields else None
        value = _DECODER.decode(text)
        _check_depth(value, DEEPEST - 1)
    except (ValueError, InvalidOperation, RecursionError):
        return None
    return value


def _refuse_constant(name: str) -> object:
    raise _NotCertainError(name)


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def _check_depth(value: object, levels: int) -> None:
    if not isinstance(value, dict | list):
        return
    if levels == 0:
        raise _NotCertainError("nested too deep")
    for item in value.values() if isinstance(value, dict) else value:
        _check_depth(item, levels - 1)


def _read_row(text: str, delimiter: str, names: Sequence[str]) -> dict[str, str]:
    """Splits a row; only fields that are quoted as a whole, or without any quote and line break, are certain."""
    field = re.compile(rf'(?:"((?:[^"]|"")*)"|([^"\r\n{re.escape(delimiter)}]*))({re.escape(delimiter)}|$)')
    rest = text.lstrip(_MARK).rstrip("\r\n")
    cells: list[str] = []
    position, ending = 0, delimiter
    while ending:
        match = field.match(rest, position)
        if match is None:
            raise _NotCertainError("quotes")
        quoted, plain, ending = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
    if len(cells) != len(names) or position != len(rest) or _MARK in rest:
        raise _NotCertainError("number of fields")
    return dict(zip(names, cells, strict=True))
