"""Whole lines out of a source, whatever their length up to a bound."""

from collections.abc import Iterator

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.lookahead import Ahead
from logistics_pipeline.sources.byte_stream import Source

_RUN_BYTES = 64 * 1024


def cut_lines(ahead: Ahead, newline: bytes, wanted_bytes: int, max_bytes: int) -> bytes:
    """Returns lines up to the first that ends at or behind `wanted_bytes`, without taking them; empty at the end.

    There are fewer only at the end, or before a line that is too long. Memory: what is returned, and one line.

    Raises:
        FileError: the first line is longer than `max_bytes`; the source is damaged.
    """
    ahead.fill(wanted_bytes)
    while not (end := ahead.text.find(newline, wanted_bytes - 1) + 1) and not ahead.is_at_end:
        begun = ahead.text.rfind(newline) + 1
        if len(ahead.text) - begun > max_bytes:
            break
        ahead.fill(min(2 * len(ahead.text), begun + max_bytes + 1))
    if not end:
        is_whole = ahead.is_at_end and ahead.damage is None
        end = len(ahead.text) if is_whole else ahead.text.rfind(newline) + 1
    if end > max_bytes:
        end = _end_before_long_line(ahead.text[:end], newline, max_bytes)
    if not end and ahead.text and not (ahead.damage and len(ahead.text) <= max_bytes):
        raise FileError(f"A line is longer than {max_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)", None, ahead.offset)
    if not end and ahead.damage:
        raise ahead.damage
    return ahead.text[:end]


def _end_before_long_line(lines: bytes, newline: bytes, max_bytes: int) -> int:
    end = 0
    while end < len(lines):
        begin, end = end, lines.find(newline, end) + 1 or len(lines)
        if end - begin > max_bytes:
            return begin
    return end


def read_lines(source: Source, newline: bytes, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yields (offset, line) from the position of `byte_stream` on, each line with its line end.

    Raises:
        FileError: a line is longer than `max_bytes`; the source is damaged.
    """
    ahead = Ahead(source)
    while lines := cut_lines(ahead, newline, _RUN_BYTES, max_bytes):
        end = 0
        while end < len(lines):
            begin, end = end, lines.find(newline, end) + 1 or len(lines)
            yield ahead.offset + begin, lines[begin:end]
        ahead.take(len(lines))
