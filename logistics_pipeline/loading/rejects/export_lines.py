"""The lines of an export of rejects: written here, mended by a person, read back here. What then happens: `replay`.

Each line is a JSON object. `file`, `version`, `record_no` say which reject it is; `byte_offset`, `field` and `reason`
what the ledger knows of it; `raw` how it stood in its file (`raw_base64` where that is not UTF-8). `record` is for the
person: the same as JSON, to be mended; null where it cannot be decoded, and a whole record may be put there.

Memory: one line.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics_pipeline.ledger import RejectedRecord
from logistics_pipeline.loading.excerpts import shown
from logistics_pipeline.loading.formats.json_reader import decode
from logistics_pipeline.loading.formats.lines import read_lines
from logistics_pipeline.loading.layouts import Layout, Unreadable
from logistics_pipeline.loading.rejects.reread import as_json, read_again
from logistics_pipeline.sources.byte_stream import open_source

LONGEST_LINE = 16
"""Times the longest record: its text stands in its line twice, and a byte of it may become an escape of six."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class MendedReject:
    """What a line says: this record in the place of that reject."""

    line_no: int
    path: str
    version: int
    record_no: int
    raw: bytes
    record: object
    """The record as JSON, decoded; None where there is none, and the raw text is meant."""


@dataclass(frozen=True)
class UnusableLine:
    """A line that names no reject."""

    line_no: int
    reason: str


class _UnusableError(Exception):
    """The text says what a line lacks."""


def export_line(reject: RejectedRecord, layout: Layout | None) -> bytes:
    """A reject as a line. Whatever its record is, a replay of the line as it stands reads the same record."""
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
    if not _says(line, document["record"]):
        line = as_json(document | {"record": None})
    return line + b"\n"


def _says(line: bytes, record: object) -> bool:
    """Whether a line is read back as it was meant: not if it is nested too deep, or has odd halves of surrogates."""
    read = _read_line(0, line)
    return isinstance(read, MendedReject) and as_json(read.record) == as_json(record)


def raw_text(raw: bytes) -> dict[str, str]:
    """A rejected record's raw text for JSON: as text, or in base64 where its bytes are no text."""
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": b64encode(raw).decode()}


def _editable(raw: bytes, layout: Layout | None) -> object:
    value = None if layout is None else read_again(raw, layout)
    return None if isinstance(value, Unreadable) else value


def read_export(path: Path, max_record_bytes: int) -> Iterator[MendedReject | UnusableLine]:
    """Yields what the lines of an export say, blank ones left out.

    Raises:
        FileError: the file cannot be read, or a line is longer than that of any record.
    """
    with open_source(path) as source:
        lines = read_lines(source, b"\n", LONGEST_LINE * max_record_bytes + (1 << 20))
        for line_no, (_, line) in enumerate(lines, start=1):
            if line.strip():
                yield _read_line(line_no, line.strip())


def _read_line(line_no: int, line: bytes) -> MendedReject | UnusableLine:
    document = decode(line)
    if isinstance(document, Unreadable):
        return UnusableLine(line_no, shown(document.reason, 200))
    try:
        return _read_document(line_no, document)
    except _UnusableError as error:
        return UnusableLine(line_no, str(error))


def _read_document(line_no: int, document: object) -> MendedReject:
    if not isinstance(document, dict):
        raise _UnusableError("expected a JSON object as `logistics rejects export` writes it")
    return MendedReject(
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
        raise _UnusableError('"raw" or "raw_base64" must be there, as `logistics rejects export` writes it') from error
