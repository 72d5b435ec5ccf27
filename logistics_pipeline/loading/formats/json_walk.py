"""Walks through JSON text by ijson's events, and knows the exact offset of every bracket.

The text is fed block by block, cut outside numbers and escapes as far as there is such a place in a mebibyte. A string
that spans blocks is lexed again with each, so blocks grow.

Of a string longer than two blocks, the parser gets only the beginning: no name or value that matters is as long. The
rest is checked and left out.

Memory: two blocks with their events.
"""

import re
from collections.abc import Iterator

import ijson.backends.yajl2_c as yajl
import msgspec
from ijson import sendable_list

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import BLOCK_BYTES, Source
from logistics_pipeline.loading.formats.json_feed import PARSER_ERRORS, make_safe, parser_reason
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH

Event = tuple[str, object]

STEPS = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}
"""How an event changes the depth."""

_FIRST_BLOCK_BYTES = 1024
_LONG_BYTES = 1 << 20
_LONG_STRING_BYTES = 64 * 1024
_UNCUT = b"0123456789+-.abcdefABCDEFu\\NaIfinty"
"""Characters of numbers, escapes and constants."""
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"(?:[^"\\]++|\\.)*+"[^"\[\]{}]*+)*+([\[\]{}])', re.DOTALL)
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_check = msgspec.json.Decoder(msgspec.Raw).decode
"""Refuses what is not JSON, without building anything."""


class JsonWalk:
    """Walks from a source's position on, which may be inside values that an `opening` opens."""

    def __init__(self, source: Source, max_bytes: int, opening: bytes = b"") -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._events = sendable_list()
        self._parser = yajl.basic_parse_coro(self._events, multiple_values=True)
        if opening:  # empty text would mean the end
            self._parser.send(opening)
        self.depth = sum(STEPS.get(event, 0) for event, _ in self._events)
        """The depth after the last block."""
        self._events.clear()
        self._offset = source.position
        """Of the block."""
        self._block = b""
        self._held = b""
        """Text after the block that was read already."""
        self._is_in_string = False
        """Whether the block begins inside a string."""
        self._string_bytes = 0
        """How much of that string the parser got."""
        self._silent_bytes = 0

    def blocks(self) -> Iterator[list[Event]]:
        """Yields the events of each block; those of the last one before an error that it holds, too.

        Raises:
            FileError: not JSON; nested too deep; or a single value is too large.
        """
        size = _FIRST_BLOCK_BYTES
        while self._next_block(size):
            size = min(4 * size, BLOCK_BYTES)
            fault = self._feed()
            events = list(self._events)
            self._events.clear()
            too_deep_at = self._follow_depth(events)
            yield events[:too_deep_at]
            if too_deep_at is not None:
                raise FileError(f"Nested deeper than {MAX_DEPTH} levels", byte_offset=self.offset_after(events))
            if fault is not None:
                raise FileError(f"Not JSON: {fault}", byte_offset=self.offset_after(events))
            self._check_size(events)

    def close(self) -> str | None:
        """Ends the text; returns what is missing, or None."""
        try:
            self._parser.close()
        except PARSER_ERRORS as error:
            return parser_reason(error)
        return None

    def offset_after(self, events: list[Event]) -> int:
        """The offset after the last bracket of `events`, which the block begins with; its beginning without any."""
        brackets = sum(event in STEPS for event, _ in events)
        if not brackets:
            return self._offset
        position = 0
        if self._is_in_string:
            rest = _STRING_REST.match(self._block)
            assert rest is not None
            position = rest.end()
        for _ in range(brackets):
            found = _BRACKET.match(self._block, position)
            assert found is not None
            position = found.end()
        return self._offset + position

    def stop_after(self, events: list[Event]) -> None:
        """Moves the source back to the offset after the last bracket of `events`."""
        position = self.offset_after(events) - self._offset
        self._source.unread(self._block[position:] + self._held)

    def _next_block(self, size: int) -> bool:
        """Reads the next block; returns False if there is none."""
        self._offset += len(self._block)
        self._is_in_string = _ends_in_string(self._block, self._is_in_string)
        self._block, held = b"", self._held
        while not self._block:
            read = self._source.read(size)
            text = held + read
            end = _cut_at(text) if read else len(text)
            self._block, held = text[:end], text[end:]
            if not read:
                break
        self._held = held
        return bool(self._block)

    def _feed(self) -> str | None:
        """Feeds the parser with the block; returns what is wrong with it."""
        text = make_safe(self._block)
        if not self._is_within_string():
            self._string_bytes = 0
        elif self._string_bytes > _LONG_STRING_BYTES:
            return _fault_in_string(text)
        else:
            self._string_bytes += len(text)
        try:
            self._parser.send(text)
        except PARSER_ERRORS as error:
            return parser_reason(error)
        return None

    def _is_within_string(self) -> bool:
        """Whether the whole block is a part of one string, and not its end."""
        return self._is_in_string and _STRING_REST.match(self._block) is None

    def _follow_depth(self, events: list[Event]) -> int | None:
        """Returns the index of the first event that is too deep."""
        depth = self.depth
        for index, (event, _) in enumerate(events):
            if event in STEPS:
                depth += STEPS[event]
                if depth > MAX_DEPTH:
                    return index
        self.depth = depth
        return None

    def _check_size(self, events: list[Event]) -> None:
        self._silent_bytes = 0 if events else self._silent_bytes + len(self._block)
        if self._silent_bytes > self._max_bytes:
            raise FileError(
                f"A value is larger than {self._max_bytes:,} bytes (LOGISTICS_MAX_RECORD_BYTES)",
                byte_offset=self._offset + len(self._block),
            )


def _fault_in_string(text: bytes) -> str | None:
    """What is wrong with a part of a string."""
    try:
        _check(b'"' + text + b'"')
    except msgspec.DecodeError:
        return "invalid text in a string"
    return None


def _cut_at(text: bytes) -> int:
    """Where to cut text that continues: outside numbers, escapes and constants if possible; 0 if more may help."""
    end = len(text.rstrip(_UNCUT))
    if end or len(text) < _LONG_BYTES:
        return end
    lead = len(text.rstrip(b"\\"))  # of an odd number of backslashes at the end, the last begins an escape
    escape = text.rfind(b"\\", 0, lead)
    if 0 <= escape < lead - 6 or escape < 0:  # the last escape is complete
        return len(text) - (len(text) - lead) % 2
    return len(text[:escape].rstrip(b"\\")) or len(text)


def _ends_in_string(block: bytes, begins_in_string: bool) -> bool:
    if b"\\" in block:
        block = _ESCAPE.sub(b"", block)
    return begins_in_string ^ (block.count(b'"') % 2 == 1)
