"""Lines of a source with their offsets, whatever their length up to a bound."""

from collections.abc import Iterator

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.source import Source


def read_lines(source: Source, newline: bytes, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yields (offset, line) from the position of `source` on, each line with its line end.

    Memory: one block and one line.

    Raises:
        FileError: a line is longer than `max_bytes`.
    """
    offset, rest = source.position, bytearray()
    while block := source.read():
        *lines, tail = block.split(newline)
        for line in lines:
            whole = bytes(rest) + line + newline
            rest.clear()
            if len(whole) > max_bytes:
                raise _too_long(offset, max_bytes)
            yield offset, whole
            offset += len(whole)
        rest += tail
        if len(rest) > max_bytes:
            raise _too_long(offset, max_bytes)
    if rest:
        yield offset, bytes(rest)


def _too_long(offset: int, max_bytes: int) -> FileError:
    return FileError(f"A line is longer than {max_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)", None, offset)
