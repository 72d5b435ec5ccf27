"""Makes one JSON object per line of lines of which some are something else, or broken: these are read by themselves.

An empty object, as long as the line, takes its place: everything else stays where it is.
"""

import re
from collections.abc import Iterable

import msgspec

MIN_OBJECTS_SHARE = 8
"""If more than one in this many lines is to be replaced, reading line by line is as fast."""

_WHITE = b" \t\r\n"
_FAULT = re.compile(r"\(byte ([0-9]+)\)\Z")
"""Where msgspec says that a text is not JSON."""

_NOT_BETWEEN_OBJECTS = {end: re.compile(rb"\n(?:(?!\{)|(?<!\}%b))" % end) for end in (b"\n", b"\r\n")}
"""Finds line ends that are not between two braces. A pattern that begins with a byte is the fastest search."""

_check = msgspec.json.Decoder(msgspec.Raw).decode_lines

Replaced = tuple[bytes, list[int]]
"""A text with empty objects in place of some lines, and where these begin."""


def replace_others(text: bytes) -> Replaced | None:
    """Replaces lines that are no objects in whole lines of text; None if these are many, or blank, or not certain.

    In the result, every line end lies between two objects: then no object spans lines, whatever they contain.
    """
    line_end = b"\r\n" if text.endswith(b"\r\n") else b"\n"
    if _is_object_per_line(text, line_end):
        return text, []
    lines = text.split(line_end)[:-1]
    if len(lines) != text.count(b"\n"):
        return None
    others = [index for index, line in enumerate(lines) if line[:1] != b"{" or line[-1:] != b"}"]
    if len(others) * MIN_OBJECTS_SHARE > len(lines):
        return None
    if any(len(line := lines[index]) < len(b"{}") or line != line.strip(_WHITE) for index in others):
        return None
    for index in others:
        lines[index] = _empty_object(len(lines[index]))
    return line_end.join([*lines, b""]), _begins(lines, line_end, others)


def _is_object_per_line(text: bytes, line_end: bytes) -> bool:
    if not (text.startswith(b"{") and text.endswith(b"}" + line_end)):
        return False
    return _NOT_BETWEEN_OBJECTS[line_end].search(text, 0, len(text) - 1) is None


def _begins(lines: list[bytes], line_end: bytes, indexes: Iterable[int]) -> list[int]:
    begins, begin, first = list[int](), 0, 0
    for index in indexes:
        begin += sum(map(len, lines[first:index])) + len(line_end) * (index - first)
        begins.append(begin)
        first = index
    return begins


def replace_broken(text: bytes) -> Replaced | None:
    """Replaces lines that are not JSON in the result of `replace_others`; None if there are none, or many.

    Where a line is broken can show on the next one only. That is replaced then, although it is an object.
    """
    replaced, begins, most = bytearray(text), list[int](), text.count(b"\n") // MIN_OBJECTS_SHARE
    rest = 0
    while (fault := _find_fault(text[rest:])) is not None:
        begin, end = text.rfind(b"\n", 0, rest + fault) + 1, text.find(b"\n", rest + fault)
        if begin < rest or len(begins) == most:
            return None
        line = text[begin:end].rstrip(b"\r")
        replaced[begin : begin + len(line)] = _empty_object(len(line))
        begins.append(begin)
        rest = end + 1
    return (bytes(replaced), begins) if begins else None


def _empty_object(length: int) -> bytes:
    return b"{" + b" " * (length - 2) + b"}"


def _find_fault(text: bytes) -> int | None:
    """The first position that shows that a text does not consist of JSON values in UTF-8, if that is known."""
    faults = list[int]()
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError as error:
        faults.append(error.start)
    try:
        _check(text)
    except msgspec.DecodeError as error:
        if (found := _FAULT.search(str(error))) is not None:
            faults.append(int(found[1]))
    except RecursionError:
        pass
    return min(faults, default=None)
