"""Finds records in the text they were read from, and only when one of them is needed."""

from collections.abc import Callable, Iterable
from functools import cached_property

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
    def _spans(self) -> list[Span]:
        return list(self._find(self._text))
