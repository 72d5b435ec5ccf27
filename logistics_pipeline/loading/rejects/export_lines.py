"""The lines of an export of rejects: written here, corrected by a person, read back here, and used by `replay`.

Each line is a JSON object. `file`, `version` and `record_no` identify the reject; `byte_offset`, `field` and `reason`
are what the ledger knows about it; `raw` is its text in the file (`raw_base64` if that is not UTF-8). `record` is the
same as JSON for the person to correct; it is null if the text cannot be decoded, and may be replaced by a whole record.

Memory: one line.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics_core.reject_text import as_json, raw_text
from logistics_pipeline.files.byte_stream import open_source
from logistics_pipeline.ledger import RejectedRecord
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.lines import read_lines
from logistics_pipeline.loading.layouts import LargeObject, Layout, LongText, Unreadable
from logistics_pipeline.loading.rejects.reread import read_again

LONGEST_LINE = 16
"""Times the longest record: its line contains it twice, and a byte may become an escape of six."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class CorrectedReject:
    """What a line says: replay this record in place of that reject."""

    line_no: int
    path: str
    version: int
    record_no: int
    raw: bytes
    record: object
    """The decoded record; None if the line has none, and the raw text is to be replayed."""


@dataclass(frozen=True)
class UnusableLine:
    """A line that identifies no reject."""

    line_no: int
    reason: str


class _UnusableError(Exception):
    """A line cannot be used; the text says what it lacks."""


def export_line(reject: RejectedRecord, layout: Layout | None) -> bytes:
    """Encodes a reject as a line. Replaying the unchanged line always reads the same record."""
    document = {
        "file": reject.path,
        "version": reject.version,
        "record_no": reject.record_no,
        "byte_offset": reject.byte_offset,
        "field": reject.field,
        "reason": reject.reason,
        **raw_text(reject.raw),
        "record": _editable(reject.raw, layout),
    }
    if reject.resolved_at is not None:
        document["resolved_at"] = reject.resolved_at.isoformat()
    line = as_json(document)
    if not _is_read_back(line, document["record"]):
        line = as_json(document | {"record": None})
    return line + b"\n"


def _is_read_back(line: bytes, record: object) -> bool:
    """Whether a line reads back as the same record: not if it is nested too deep or has lone surrogates."""
    read = _read_line(0, line)
    return isinstance(read, CorrectedReject) and as_json(read.record) == as_json(record)


def _editable(raw: bytes, layout: Layout | None) -> object:
    value = None if layout is None else read_again(raw, layout)
    return None if isinstance(value, Unreadable | LargeObject | LongText) else value


def read_export(path: Path, max_record_bytes: int) -> Iterator[CorrectedReject | UnusableLine]:
    """Yields what the lines of an export say, without blank lines.

    Raises:
        FileError: the file cannot be read, or a line is longer than any record's could be.
    """
    with open_source(path) as source:
        lines = read_lines(source, b"\n", LONGEST_LINE * max_record_bytes + (1 << 20))
        for line_no, (_, line) in enumerate(lines, start=1):
            if line.strip():
                yield _read_line(line_no, line.strip())


def _read_line(line_no: int, line: bytes) -> CorrectedReject | UnusableLine:
    document = decode(line)
    if isinstance(document, Unreadable):
        return UnusableLine(line_no, excerpt(document.reason, 200))
    try:
        return _read_document(line_no, document)
    except _UnusableError as error:
        return UnusableLine(line_no, str(error))


def _read_document(line_no: int, document: object) -> CorrectedReject:
    if not isinstance(document, dict):
        raise _UnusableError("expected a JSON object as `logistics rejects export` writes it")
    return CorrectedReject(
        line_no=line_no,
        path=_text(document, "file"),
        version=_number(document, "version"),
        record_no=_number(document, "record_no"),
        raw=_raw(document),
        record=document.get("record"),
    )


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or _UNSTORABLE.search(value):
        raise _UnusableError(f'"{name}" must be text, as `logistics rejects export` writes it')
    return value


def _number(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or not 0 < value < 1 << 63:
        raise _UnusableError(f'"{name}" must be a number, as `logistics rejects export` writes it')
    return value


def _raw(document: dict[str, Any]) -> bytes:
    encoded = document.get("raw_base64")
    try:
        if isinstance(encoded, str):
            return b64decode(encoded, validate=True)
        return str(document["raw"]).encode("utf-8", "surrogatepass")
    except (KeyError, ValueError) as error:
        raise _UnusableError(
            '"raw" or "raw_base64" is missing or invalid: leave it as `logistics rejects export` writes it'
        ) from error
