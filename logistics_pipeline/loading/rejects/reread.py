"""A rejected record read again by itself, as its file's reader read it; and written as JSON, to be mended.

The ledger remembers the layout of every file that has rejects (`ledger.Progress.layout`). Which rejects are read again,
and what becomes of them, is decided in `replay`.
"""

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.formats.reader import read_records
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, Layout, LinesLayout, ObjectsLayout, Unreadable
from logistics_pipeline.sources.byte_stream import Source

_encode = json.JSONEncoder(ensure_ascii=False).encode

_JSON_LAYOUTS: dict[str, Layout] = {
    "elements": ElementsLayout(0),
    "objects": ObjectsLayout(0),
    "lines": LinesLayout(0),
}
"""Of JSON it is enough to know how records stood beside each other: where they began does not matter any more."""


def remember(layout: Layout) -> dict[str, Any]:
    """What the ledger keeps of a file's layout, as a JSON document."""
    if isinstance(layout, CsvLayout):
        return {
            "kind": "csv",
            "delimiter": layout.delimiter,
            "newline": layout.newline.decode(),
            "names": list(layout.header),
            "header": layout.header_text.decode("utf-8", "replace"),
        }
    return {"kind": next(kind for kind, known in _JSON_LAYOUTS.items() if isinstance(layout, type(known)))}


def recall(remembered: dict[str, Any] | None) -> Layout | None:
    """The layout as far as it was remembered; None if it was not (CSV loaded before the ledger kept it)."""
    if remembered is None:
        return None
    if remembered["kind"] != "csv":
        return _JSON_LAYOUTS[remembered["kind"]]
    return CsvLayout(
        start=0,
        delimiter=remembered["delimiter"],
        newline=remembered["newline"].encode(),
        header=tuple(remembered["names"]),
        header_text=remembered["header"].encode(),
    )


def read_again(raw: bytes, layout: Layout) -> object:
    """Decodes the raw text of one record: what its file's reader took for its value."""
    return _read_row(raw, layout) if isinstance(layout, CsvLayout) else decode(raw)


def _read_row(raw: bytes, layout: CsvLayout) -> object:
    # Behind a blank line, which the reader leaves out: at the very beginning it would take a U+FEFF for a mark.
    source = Source(BytesIO(layout.newline + raw), None)
    try:
        for records in read_records(source, layout, 0, len(raw) + 1):
            return records.values[0]
    except FileError as error:
        return Unreadable(error.message)
    return Unreadable("the row is empty")


def as_json(value: object) -> bytes:
    """A decoded value as JSON on one line: every digit kept, every character as it is.

    Halves of surrogate pairs, which stand for broken bytes too, become escapes: they stay broken when read again.
    """
    return _as_text(value).encode("utf-8", "backslashreplace")


def _as_text(value: object) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{_as_text(name)}: {_as_text(item)}' for name, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_as_text, value))}]"
        case Decimal():
            return str(value)  # the json module would make a float of it
        case _:
            return _encode(value)
