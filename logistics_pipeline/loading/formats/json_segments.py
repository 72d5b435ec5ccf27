"""Cuts JSON text into segments of whole values, for a parser that reports no offsets: a segment ends with a record.

A segment nearly always holds objects up to a run's length, found by a few passes over all of its bytes. Where that is
not certain, each value is found by itself. Only if nothing whole is left does the parser get the beginning of a value,
to say what is wrong with it.

Memory: one block and twice one record (`max_record_bytes`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.formats.json_feed import is_broken
from logistics_pipeline.loading.formats.json_scanner import (
    MAX_DEPTH,
    find_deeper,
    find_values,
    is_whole_objects,
    skip_gap,
)
from logistics_pipeline.loading.formats.large_records import LARGE_BYTES
from logistics_pipeline.loading.formats.lookahead import Lookahead
from logistics_pipeline.loading.formats.record_positions import Span

_FIRST_KEY = re.compile(rb'[ \t\r\n,]*(\{[ \t\r\n]*"[^"\\]*")')
_LONG_BYTES = 64 * 1024
"""A value that is longer than this may not be one: a parser checks it before more is read."""


@dataclass(frozen=True)
class Segment:
    """Consecutive values, with everything in between."""

    offset: int
    text: bytes
    gap: bytes = b""
    """What precedes the text, if that is one large value: it is not copied once more."""
    spans: list[Span] | None = None
    """Of the values. None if the text is whole values up to its last byte: each can be found when needed."""
    fault: str | None = None
    """What is wrong after them, unless the parser is more specific."""
    closes_array: bool = False
    """The text ends with the bracket after the last value."""
    is_last: bool = False
    """Nothing follows the text."""

    @property
    def is_large(self) -> bool:
        """Whether it is one value of more than `LARGE_BYTES`, which a parser would make too much of."""
        return self.spans is not None and len(self.spans) == 1 and _is_large(self.spans[0])

    @property
    def end(self) -> int:
        """End of the last value in the text; 0 if there is none."""
        if self.spans is None:
            return len(self.text)
        return self.spans[-1][1] if self.spans else 0


class ValueCutter:
    """Cuts the rest of a source, whose values are the elements of an array or simply follow each other."""

    def __init__(self, source: Source, max_record_bytes: int, run_bytes: int, *, is_array: bool) -> None:
        self._ahead = Lookahead(source)
        self._max_record_bytes = max_record_bytes
        self._run_bytes = run_bytes
        self._is_array = is_array

    @property
    def rest(self) -> bytes:
        """Text that was read from the source and not cut off yet."""
        return self._ahead.text

    @property
    def damage(self) -> FileError | None:
        """Why nothing follows the last segment, if the file is damaged there."""
        return self._ahead.damage

    def cut(self) -> Segment:
        """Cuts off the next segment, as long as a run."""
        segment = self._find_objects() or self._find_values()
        self._ahead.consume(len(segment.gap) + len(segment.text))
        return segment

    def _find_objects(self) -> Segment | None:
        self._ahead.fill(self._run_bytes)
        for end in _likely_ends(self._ahead.text, self._run_bytes):
            text = self._ahead.text[:end]
            if end <= min(self._max_record_bytes, LARGE_BYTES) and is_whole_objects(text):
                return Segment(self._ahead.offset, text)
        return None

    def _find_values(self) -> Segment:
        """Finds values one by one, reading on until they fill a run or there is a reason to stop."""
        while True:
            offset, text = self._ahead.offset, self._ahead.text
            spans = self._find_spans(text)
            end = spans[-1][1] if spans else 0
            is_too_large = len(text) - end > self._max_record_bytes
            if spans and _is_large(spans[0]):
                begin = spans[0][0]
                return Segment(offset + begin, text[begin:end], text[:begin], [(0, end - begin)])
            if spans and (end >= self._run_bytes or is_too_large):
                return Segment(offset, text[:end], spans=spans)
            gap_end = skip_gap(text, end)
            if self._is_array and text.startswith(b"]", gap_end):
                return Segment(offset, text[: gap_end + 1], spans=spans, closes_array=True)
            if self._ahead.damage is not None:
                return Segment(offset, text[:end], spans=spans, is_last=True)
            if self._ahead.is_at_end or is_too_large or self._is_broken(text[gap_end:]):
                return self._last_segment(spans, end)
            self._ahead.fill(min(2 * len(text), end + self._max_record_bytes + 1))

    def _find_spans(self, text: bytes) -> list[Span]:
        """Finds values up to the length of a run, or up to one that is too large or nested too deep."""
        spans, end = list[Span](), 0
        for span in find_values(text, is_whole=self._ahead.is_at_end and not self._is_array):
            if end >= self._run_bytes or span[1] - end > self._max_record_bytes:
                break
            if spans and _is_large(span):
                break  # it gets a segment of its own
            spans.append(span)
            end = span[1]
            if _is_large(span):
                break
        return spans

    def _is_broken(self, text: bytes) -> bool:
        return len(text) > _LONG_BYTES and is_broken(text)

    def _last_segment(self, spans: list[Span], end: int) -> Segment:
        """All remaining text, for the parser to say what is wrong; cut where it is nested too deep for a parser."""
        offset, text = self._ahead.offset, self._ahead.text
        deep_at = find_deeper(text[end:])
        if deep_at is not None:
            fault = f"Nested deeper than {MAX_DEPTH} levels"
            return Segment(offset, text[: end + deep_at], spans=spans, fault=fault)
        if len(text) - end > self._max_record_bytes:
            limit = f"{self._max_record_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)"
            return Segment(offset, text, spans=spans, fault=f"A record is larger than {limit}")
        return Segment(offset, text, spans=spans, is_last=True)


def _is_large(span: Span) -> bool:
    return span[1] - span[0] > LARGE_BYTES


def _likely_ends(text: bytes, wanted_bytes: int) -> Iterator[int]:
    """Offsets after closing braces, at or after `wanted_bytes`, that probably end a record.

    First the one before a brace with the first record's first key; then the next one, which may end an inner object.
    """
    first = _FIRST_KEY.match(text)
    if first is not None:
        begin = text.find(first[1], wanted_bytes)
        end = text.rfind(b"}", 0, begin) + 1 if begin >= 0 else 0
        if end >= wanted_bytes:
            yield end
    end = text.find(b"}", wanted_bytes - 1) + 1
    if end:
        yield end
