"""Whole lines from a source, of any length up to a limit."""

from collections.abc import Iterator

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.formats.lookahead import Lookahead

_RUN_BYTES = 64 * 1024


def cut_lines(ahead: Lookahead, newline: bytes, wanted_bytes: int, max_bytes: int) -> bytes:
    """Returns lines up to the first that ends at or after `wanted_bytes`, without consuming them; empty at the end.

    Returns fewer only at the end, or before a line that is too long. Memory: the returned lines and one more.

    Raises:
        FileError: the first line is longer than `max_bytes`; the source is damaged.
    """
    end = _find_end(ahead, newline, wanted_bytes, max_bytes)
    if end > max_bytes:
        end = _end_before_long_line(ahead.text[:end], newline, max_bytes)
    if not end and ahead.text and not (ahead.damage and len(ahead.text) <= max_bytes):
        raise FileError(f"A line is longer than {max_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)", None, ahead.offset)
    if not end and ahead.damage:
        raise ahead.damage
    return ahead.text[:end]


def _find_end(ahead: Lookahead, newline: bytes, wanted_bytes: int, max_bytes: int) -> int:
    """Reads on until a line ends at or after `wanted_bytes`; returns the end of the last whole line read."""
    ahead.fill(wanted_bytes)
    while not (end := ahead.text.find(newline, wanted_bytes - 1) + 1) and not ahead.is_at_end:
        line_begin = ahead.text.rfind(newline) + 1
        if len(ahead.text) - line_begin > max_bytes:
            break
        ahead.fill(min(2 * len(ahead.text), line_begin + max_bytes + 1))
    if end:
        return end
    is_whole = ahead.is_at_end and ahead.damage is None
    return len(ahead.text) if is_whole else ahead.text.rfind(newline) + 1


def _end_before_long_line(lines: bytes, newline: bytes, max_bytes: int) -> int:
    end = 0
    while end < len(lines):
        begin, end = end, lines.find(newline, end) + 1 or len(lines)
        if end - begin > max_bytes:
            return begin
    return end


def read_lines(source: Source, newline: bytes, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yields (offset, line) from the source's position on, each line with its line end.

    Raises:
        FileError: a line is longer than `max_bytes`; the source is damaged.
    """
    ahead = Lookahead(source)
    while lines := cut_lines(ahead, newline, _RUN_BYTES, max_bytes):
        end = 0
        while end < len(lines):
            begin, end = end, lines.find(newline, end) + 1 or len(lines)
            yield ahead.offset + begin, lines[begin:end]
        ahead.consume(len(lines))
