"""Pages that are too large for memory: values and records are found while the text passes by.

Memory: one record, and what the parser holds.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import ijson

from logistics_pipeline.sources.definitions.paths import ValuePath, path_text
from logistics_pipeline.sources.faults import FaultKind, PassingFault, SourceFault

_BUFFER_BYTES = 1 << 16
_BOM = b"\xef\xbb\xbf"
_MOST_DIGITS = 4_300
_TOO_LONG = re.compile(rb"[0-9]{%d}" % (_MOST_DIGITS + 1))


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""


class _Guarded:
    """A page without integers that Python does not take (ijson crashes on one, and the process with it) and BOM."""

    def __init__(self, file: Readable, where: str) -> None:
        self._file, self._where = file, where
        self._before, self._is_begun = b"", False

    def read(self, size: int, /) -> bytes:
        chunk = self._file.read(size)
        if chunk and not self._is_begun:
            chunk, self._is_begun = chunk.removeprefix(_BOM) or self._file.read(size), True
        if _TOO_LONG.search(self._before + chunk):
            raise SourceFault(
                FaultKind.RESPONSE,
                f"{self._where}: the response has a number of more than {_MOST_DIGITS:,} digits.",
                "Ask the operator of the source what it means.",
            )
        self._before = (self._before + chunk)[-_MOST_DIGITS:]
        return chunk


def stream_records(file: Readable, path: ValuePath, where: str) -> Iterator[Any]:
    """The records of a page, one after the other.

    Raises:
        SourceFault: the page is no JSON.
    """
    try:
        yield from ijson.items(_Guarded(file, where), _prefix((*path, "item")), buf_size=_BUFFER_BYTES)
    except ijson.JSONError as error:
        raise _cut_off(where, error) from None


def stream_values(file: Readable, wanted: Mapping[str, ValuePath], records: ValuePath, where: str) -> dict[str, Any]:
    """The single values at some paths, by the names given; those that are missing are left out.

    Raises:
        SourceFault: the page is no JSON, or has no list of records.
    """
    by_prefix: dict[str, list[str]] = {}
    for name, path in wanted.items():
        by_prefix.setdefault(_prefix(path), []).append(name)
    found: dict[str, Any] = {}
    list_prefix, has_list = _prefix(records), False
    try:
        for prefix, event, value in ijson.parse(_Guarded(file, where), buf_size=_BUFFER_BYTES):
            if event == "start_array" and prefix == list_prefix:
                has_list = True
            elif prefix in by_prefix and event in ("string", "number", "boolean", "null"):
                found |= dict.fromkeys(by_prefix[prefix], value)
    except ijson.JSONError as error:
        raise _cut_off(where, error) from None
    if not has_list:
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{where}: the response has no list of records at {path_text(records) or 'its top'}.",
            "Correct `records`: the path to the list.",
        )
    return found


def _prefix(path: ValuePath) -> str:
    """A path as ijson has it."""
    if any(isinstance(part, int) for part in path):
        raise SourceFault(
            FaultKind.SIZE,
            f"The page is too large to be held in memory, and the path {path_text(path)} names an item of a list.",
            "Ask for smaller pages (`pagination.size`) or shorter windows (`incremental.step`).",
        )
    if any("." in str(part) for part in path):  # a name with a dot, and two names, are the same to ijson
        raise SourceFault(
            FaultKind.SIZE,
            f"The page is too large to be held in memory, and a name in the path {path_text(path)} holds a dot.",
            "Ask for smaller pages (`pagination.size`) or shorter windows (`incremental.step`).",
        )
    return ".".join(map(str, path))


def _cut_off(where: str, error: Exception) -> SourceFault:
    return PassingFault(
        FaultKind.RESPONSE,
        f"{where}: the response is not JSON: {' '.join(str(error).split())[:200]}.",
        "It may have been cut off: run the pull again.",
    )
