"""Finds records in the text they were read from, and only when one of them is needed."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import accumulate

from logistics_pipeline.loading.layouts import RawRecord

Span = tuple[int, int]
"""Begin and end of something in a text, as byte offsets."""


class RawRecords:
    """Consecutive records as they appear in their file, by index from 0. Memory: their text."""

    def __init__(self, before: int, offset: int, text: bytes, find: Callable[[bytes], Iterable[Span]]) -> None:
        self._before = before
        """Records of the file before the first of these."""
        self._offset = offset
        """Of the text in the file."""
        self._text = text
        self._find = find

    def __call__(self, index: int) -> RawRecord:
        begin, end = self._spans[index]
        return RawRecord(self._before + index + 1, self._offset + begin, self._text[begin:end])

    @cached_property
    def _spans(self) -> Sequence[Span]:
        found = self._find(self._text)
        return found if isinstance(found, Sequence) else list(found)


class LineSpans(Sequence[Span]):
    """Where the lines of a text are, except empty ones, without their line ends. Each is found when it is asked for."""

    def __init__(self, text: bytes, newline: bytes) -> None:
        self._lines = text.split(newline)
        self._ends = list(accumulate(map(len, self._lines)))
        """Offsets of the ends of the lines, had they no line ends between them."""
        self._numbers: Sequence[int] = range(len(self._lines))
        other = b"\r" if newline == b"\n" else b"\n"
        if b"" in self._lines[:-1] or (other in text and (text[:1] == other or newline + other in text)):
            self._numbers = [number for number, line in enumerate(self._lines) if line.rstrip(b"\r\n")]

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Span:  # type: ignore[override]  # nobody slices
        number = self._numbers[index]
        line = self._lines[number]
        begin = self._ends[number] - len(line) + number
        return begin, begin + len(line.rstrip(b"\r\n"))
