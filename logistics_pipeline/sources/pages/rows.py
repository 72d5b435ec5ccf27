"""Pages with one record per line: NDJSON and CSV, read while they pass by.

Memory: one line, or one row of CSV.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO, NoReturn

import msgspec

from logistics_pipeline.sources.definitions.definition import ResponseFormat
from logistics_pipeline.sources.faults import FaultKind, PassingFault, SourceFault

_OTHER_FORMATS = {"<": "XML or HTML", "{": "JSON", "[": "JSON"}
"""What a page is that begins so."""
LONGEST_LINE = 16 << 20
"""Characters of a line: what is longer has no line ends, or is in another format."""

csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def read_rows(file: BinaryIO, format: ResponseFormat, headers: Mapping[str, str], where: str) -> Iterator[Any]:
    """The records of a page. Those of CSV have texts as values; cells without a name are below None.

    Raises:
        SourceFault: it is not in that format, or was cut off.
    """
    text = io.TextIOWrapper(file, _encoding(headers), newline="" if format is ResponseFormat.CSV else None)
    try:
        yield from (_csv if format is ResponseFormat.CSV else _ndjson)(_lines(text, where), where)
    except UnicodeDecodeError as error:
        _refuse(format, where, f"it is not text in {error.encoding}")
    finally:
        text.detach()


def charset_of(headers: Mapping[str, str]) -> str:
    """The encoding that the header Content-Type names, in lower case; empty if it names none."""
    return headers.get("content-type", "").lower().partition("charset=")[2].split(";")[0].strip(" \"'")


def _encoding(headers: Mapping[str, str]) -> str:
    """That the response names, or else UTF-8; a byte order mark is no part of the text."""
    try:
        name = codecs.lookup(charset_of(headers) or "utf-8").name
    except LookupError:
        name = "utf-8"
    return "utf-8-sig" if name in ("utf-8", "ascii") else name


def _lines(text: io.TextIOWrapper, where: str) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise SourceFault(
                FaultKind.SIZE,
                f"{where}: a line has more than {LONGEST_LINE:,} characters.",
                "Correct `format`: the response does not seem to have one record per line.",
            )
        yield line


def _ndjson(lines: Iterator[str], where: str) -> Iterator[Any]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _DECODER.decode(line)
        except msgspec.DecodeError as error:
            _refuse(ResponseFormat.NDJSON, f"{where}, line {number:,}", str(error), line)
        except RecursionError:
            _refuse(ResponseFormat.NDJSON, f"{where}, line {number:,}", "it is nested too deeply")


def _csv(lines: Iterator[str], where: str) -> Iterator[Any]:
    rows = csv.reader(lines, strict=True)
    try:
        names = next((row for row in rows if row), None)
        if names is None:
            _refuse(ResponseFormat.CSV, where, "it is empty, and has no header")
        if names[0].lstrip()[:1] in _OTHER_FORMATS:
            _refuse(ResponseFormat.CSV, where, "it is in another format", ",".join(names))
        width = len(names)
        for row in rows:
            if len(row) < width and row:
                _refuse(ResponseFormat.CSV, f"{where}, line {rows.line_num:,}", f"{len(row)} cells of {width}")
            elif row:
                record: dict[str | None, Any] = dict(zip(names, row, strict=False))
                yield record | ({None: row[width:]} if len(row) > width else {})
    except csv.Error as error:
        _refuse(ResponseFormat.CSV, f"{where}, line {rows.line_num:,}", str(error))


def _refuse(format: ResponseFormat, where: str, reason: str, line: str = "") -> NoReturn:
    name = "CSV" if format is ResponseFormat.CSV else "NDJSON"
    other = _OTHER_FORMATS.get(line.lstrip()[:1])
    if other == "JSON" and format is ResponseFormat.CSV:
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{where}: the response is JSON. Expected: CSV. It begins with {line[:80].strip()!r}.",
            "If it is an error, its text says what to do. Otherwise correct `format`, or ask for CSV.",
        )
    if other == "XML or HTML":
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{where}: the response is XML or HTML, perhaps a login. Expected: {name}.",
            "Check `baseUrl`, `path` and `authentication`.",
        )
    shown = f" It begins with {line[:80].strip()!r}." if line else ""
    raise PassingFault(
        FaultKind.RESPONSE,
        f"{where}: the response is not {name}: {reason.rstrip('.')}.{shown}",
        "It may have been cut off: run the pull again. If it is in another format, set `format`.",
    )
