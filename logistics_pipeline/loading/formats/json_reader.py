"""Reads the records of JSON files: elements of an array at any depth, consecutive objects, or one object per line.

ijson parses arrays and consecutive objects. A load resumes with a new parser, inside an array opened for it.

Memory: one block and twice one record (`max_record_bytes`): its text, and what the parser makes of it.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

import ijson.backends.yajl2_c as yajl
from ijson import sendable_list

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.formats.flat_objects import read_flat_objects
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_feed import PARSER_ERRORS, make_safe, parser_reason
from logistics_pipeline.loading.formats.json_scanner import find_values
from logistics_pipeline.loading.formats.json_segments import Segment, ValueCutter
from logistics_pipeline.loading.formats.large_records import LARGE_BYTES, decode_record
from logistics_pipeline.loading.formats.lines import cut_lines
from logistics_pipeline.loading.formats.lookahead import Lookahead
from logistics_pipeline.loading.formats.record_positions import RawRecords, Span
from logistics_pipeline.loading.formats.wrapped_arrays import skip_to_next_array
from logistics_pipeline.loading.layouts import (
    ElementsLayout,
    JsonObject,
    LinesLayout,
    ObjectsLayout,
    Records,
    Unreadable,
)

_NESTED_AFTER_NESTED = 16
_WHITE = b" \t\r\n"
_TEXT_IN_LINE = re.compile(rb"[^ \t\r\n](?:[^\n]*[^ \t\r\n])?")


_WRAPPER_KEY = "logistics-wrapper"
"""Replaces every key on the way to the array: ijson's prefixes would confuse keys that contain dots."""


def read_elements(
    source: Source, layout: ElementsLayout, done: int, max_record_bytes: int, run_bytes: int
) -> Iterator[Records]:
    """Yields the elements of the array after the source's position, numbered after `done`, and of all pages after it.

    Raises:
        FileError: the text is not JSON, ends early, or holds a record that is too large or nested too deep; a page has
            no such array. All records before that position were yielded.
    """
    is_begun, is_more = done > 0, True
    while is_more:
        for records in read_page(source, layout, done, max_record_bytes, run_bytes, is_begun=is_begun):
            done = records.before + len(records.values)
            yield records
        is_begun, is_more = False, skip_to_next_array(source, layout, max_record_bytes)


def read_page(
    source: Source, layout: ElementsLayout, done: int, max_record_bytes: int, run_bytes: int, *, is_begun: bool
) -> Iterator[Records]:
    """Yields the elements of one array after the source's position, which is then at its end. See `read_elements`.

    With `is_begun`, there was an element of the array before that position.
    """
    opening = f'{{"{_WRAPPER_KEY}":' * len(layout.keys) + "["
    return _Values(source, done, max_record_bytes, run_bytes, opening.encode(), is_begun=is_begun).read()


def read_objects(
    source: Source, layout: ObjectsLayout, done: int, max_record_bytes: int, run_bytes: int
) -> Iterator[Records]:
    """Yields consecutive objects. Otherwise as `read_elements`."""
    return _Values(source, done, max_record_bytes, run_bytes, b"", is_begun=done > 0).read()


def read_json_lines(
    source: Source, layout: LinesLayout, done: int, max_record_bytes: int, run_bytes: int
) -> Iterator[Records]:
    """Yields one record per line that is not blank. A line that is not JSON is a record that cannot be read.

    Raises:
        FileError: a line is too large. All lines before it were yielded.
    """
    ahead = Lookahead(source)
    while text := cut_lines(ahead, b"\n", run_bytes, max_record_bytes):
        text = _before_large_line(text)
        begin = ahead.offset
        ahead.consume(len(text))
        if len(text) > LARGE_BYTES:  # a single line: nothing of it is kept twice
            begin += len(text) - len(text.lstrip(_WHITE))
            text = text.strip(_WHITE)
            values = [decode_record(text)] if text else []
        else:
            values = [decode_record(raw) for line in text.split(b"\n") if (raw := line.strip(_WHITE))]
        raw_records = RawRecords(done, begin, text, _find_lines)
        done += len(values)
        if values:
            yield Records(done - len(values), values, ahead.offset, raw_records)


def _before_large_line(lines: bytes) -> bytes:
    """The lines before the last one if that may be large: it is read by itself then."""
    if len(lines) <= LARGE_BYTES:
        return lines
    return lines[: lines.rfind(b"\n", 0, len(lines) - 1) + 1] or lines


def _find_lines(text: bytes) -> Iterator[Span]:
    return (found.span() for found in _TEXT_IN_LINE.finditer(text))


class _Values:
    """Feeds ijson with whole values, as long as there are any. Each segment of them has a parser of its own."""

    def __init__(
        self, source: Source, done: int, max_record_bytes: int, run_bytes: int, opening: bytes, *, is_begun: bool
    ) -> None:
        self._source = source
        self._cutter = ValueCutter(source, max_record_bytes, run_bytes, is_array=bool(opening))
        self._is_begun = is_begun
        """A value of the array was read before."""
        self._number = done
        """Records read so far."""
        self._end = source.position
        """Offset after the last record."""
        self._opening = opening
        """Replaces the text before an array; empty if there is no array."""
        self._expected_nested = 0
        """Number of segments to come that probably have something nested in them, as the last one had."""

    def read(self) -> Iterator[Records]:
        is_more = True
        while is_more:
            is_more = yield from self._read_segment()

    def _read_segment(self) -> Generator[Records, None, bool]:
        """Reads some records; returns whether there may be more. Keeps no text afterwards."""
        segment = self._cutter.cut()
        opening = self._opening
        if opening and self._is_begun:
            opening += b"null"  # in place of the records before
        if segment.is_large:
            yield self._read_large(segment, _ItemsParser(opening))
            return True
        safe = make_safe(segment.text)
        self._expected_nested -= 1
        if segment.spans is None and safe is segment.text and self._expected_nested <= 0:
            objects = read_flat_objects(opening, safe)
            if objects is None:
                self._expected_nested = _NESTED_AFTER_NESTED
            else:
                yield self._records(objects, segment.offset, safe, len(safe), find_values)
                return True
        parser = _ItemsParser(opening)
        fault = parser.feed(safe, is_whole=bool(segment.spans) and segment.end == len(segment.text)) or segment.fault
        yield from self._yield_records(
            parser.values, segment, was_changed=safe is not segment.text, is_valid=fault is None
        )
        if fault is not None:
            raise self._error(fault)
        if segment.closes_array:
            self._source.unread(self._cutter.rest)
        elif segment.is_last:
            self._close(parser, segment.text[segment.end :])
        return not segment.closes_array and not segment.is_last

    def _read_large(self, segment: Segment, parser: "_ItemsParser") -> Records:
        """Reads a segment that is one large value."""
        text = segment.text
        fault = parser.feed(segment.gap + b"null", is_whole=True)
        value = decode_record(text)
        if fault is None and isinstance(value, Unreadable) and not value.is_json:
            fault = f"Not JSON: {value.reason.removeprefix('not JSON: ')}"
        if fault is not None:
            raise self._error(fault)
        return self._records([value], segment.offset, text, len(text), lambda _: [(0, len(text))])

    def _yield_records(
        self, values: list[object], segment: Segment, *, was_changed: bool, is_valid: bool
    ) -> Iterator[Records]:
        """Yields the values that the parser made of the text as records."""
        text = segment.text
        if segment.spans is None and is_valid and not was_changed:
            yield self._records(values, segment.offset, text, len(text), find_values)
            return
        spans = list(find_values(text)) if segment.spans is None else segment.spans
        spans, ends_apart = spans[: len(values)], is_valid and len(spans) != len(values)
        if was_changed:
            raws = [text[begin:end] for begin, end in spans]
            values = [_repaired(value, raw) for value, raw in zip(values, raws, strict=False)]
        if spans:
            yield self._records(values[: len(spans)], segment.offset, text, spans[-1][1], lambda _: spans)
        if ends_apart and not segment.is_last:
            raise self._error("Not JSON: a value without an end")

    def _records(
        self, values: Sequence[object], offset: int, text: bytes, end: int, find: Callable[[bytes], Iterable[Span]]
    ) -> Records:
        before, self._number = self._number, self._number + len(values)
        self._is_begun = True
        self._end = offset + end
        return Records(before, values, self._end, RawRecords(before, offset, text, find))

    def _close(self, parser: "_ItemsParser", rest: bytes) -> None:
        if self._cutter.damage is not None:
            raise self._cutter.damage
        if not self._opening and not rest.strip(_WHITE):
            return  # a file may end between two objects
        reason = parser.close()
        if reason is not None:
            raise self._error(f"The file ends in the middle, after {self._number:,} complete records ({reason})")

    def _error(self, message: str) -> FileError:
        return FileError(message, self._number + 1, self._end)


class _ItemsParser:
    """Parses values of any kind, after the opening of an array or without one."""

    def __init__(self, opening: bytes) -> None:
        self.values = sendable_list()
        prefix = ".".join([_WRAPPER_KEY] * opening.count(b"{") + ["item"]) if opening else ""
        self._parser = yajl.items_coro(self.values, prefix, multiple_values=not opening, map_type=JsonObject)
        if opening:
            self._parser.send(opening)
            self.values.clear()

    def feed(self, text: bytes, *, is_whole: bool) -> str | None:
        """Parses text, as a rule whole values; returns what is wrong with it. The values before that are complete."""
        try:
            if text:  # empty text would mean the end
                self._parser.send(text)
            if is_whole:
                self._parser.send(b" ")  # completes a number at the end
        except PARSER_ERRORS as error:
            return f"Not JSON: {parser_reason(error)}"
        return None

    def close(self) -> str | None:
        """Ends the text; returns what is missing, or None."""
        try:
            self._parser.close()
        except PARSER_ERRORS as error:
            return parser_reason(error)
        return None


def _repaired(value: object, raw: bytes) -> object:
    """The value of a record whose segment was changed for ijson: decoded again if the record itself was changed."""
    return value if make_safe(raw) is raw else decode(raw)
