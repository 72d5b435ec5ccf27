"""The records of CSV files, each with the lines it stood on. Quoting is the csv module's; places are ours.

Memory: one block and one record (`max_record_bytes`): a quote that is never closed ends there.
"""

import csv
from collections.abc import Iterator
from typing import Self

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.layouts import CsvLayout, Record, Unreadable
from logistics_pipeline.loading.lines import read_lines
from logistics_pipeline.loading.source import Source


def read_csv(source: Source, layout: CsvLayout, done: int, max_record_bytes: int) -> Iterator[Record]:
    """Yields the rows behind the position of `source`, numbered after `done`, blank lines left out.

    Raises:
        FileError: a quote is opened and not closed within `max_record_bytes`, or up to the end of the file.
    """
    csv.field_size_limit(max(csv.field_size_limit(), max_record_bytes))
    lines = _Lines(source, layout, max_record_bytes, done)
    rows = csv.reader(lines, delimiter=layout.delimiter, strict=True)
    while True:
        try:
            value = _as_mapping(next(rows), layout.header)
        except StopIteration:
            return
        except csv.Error as error:
            value = Unreadable(f"not CSV: {str(error).partition(' - ')[0]}")
        if lines.exhausted:  # the reader asked for more within a row, and there was none
            raise FileError("A quote is opened and never closed", lines.number + 1, lines.offset)
        offset, raw = lines.take()
        if value is not None:
            lines.number += 1
            yield Record(lines.number, offset, offset + len(raw), raw.rstrip(b"\r\n"), value)


def _as_mapping(cells: list[str], header: tuple[str, ...]) -> dict[str, str] | Unreadable | None:
    """A row under its header; None for a blank line."""
    if not cells:
        return None
    if len(cells) != len(header):
        return Unreadable(f"the row has {len(cells)} fields, the header {len(header)}")
    return dict(zip(header, cells, strict=True))


class _Lines:
    """Hands lines to the csv reader and remembers those that it has not made a row of yet."""

    def __init__(self, source: Source, layout: CsvLayout, max_record_bytes: int, done: int) -> None:
        self._lines = read_lines(source, layout.newline, max_record_bytes)
        self._max_record_bytes = max_record_bytes
        self._taken = bytearray()
        self.offset = source.position
        """Of the first line of the row being read."""
        self.number = done
        """Rows read so far."""
        self.exhausted = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        try:
            _, line = next(self._lines)
        except StopIteration:
            self.exhausted = True
            raise
        self._taken += line
        if len(self._taken) > self._max_record_bytes:
            raise FileError(
                f"A row is larger than {self._max_record_bytes:,} bytes: is a quote never closed?",
                self.number + 1,
                self.offset,
            )
        return line.decode("utf-8", "surrogateescape")

    def take(self) -> tuple[int, bytes]:
        """Returns offset and bytes of the row just read, and begins the next."""
        raw = bytes(self._taken)
        offset, self.offset = self.offset, self.offset + len(raw)
        self._taken.clear()
        return offset, raw
