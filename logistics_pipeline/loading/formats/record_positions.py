"""Finds records in the text they were read from: only once one of them is asked for."""

from collections.abc import Callable, Iterable
from functools import cached_property

from logistics_pipeline.loading.layouts import Place

Span = tuple[int, int]
"""Where something begins and ends in a text."""


class Places:
    """The places of consecutive records, by their index. Memory: the text that they stand in."""

    def __init__(self, before: int, offset: int, text: bytes, find: Callable[[bytes], Iterable[Span]]) -> None:
        self._before = before
        """Records of the file before the first of these."""
        self._offset = offset
        """Of the text in the file."""
        self._text = text
        self._find = find

    def __call__(self, index: int) -> Place:
        begin, end = self._spans[index]
        return Place(self._before + index + 1, self._offset + begin, self._text[begin:end])

    @cached_property
    def _spans(self) -> list[Span]:
        return list(self._find(self._text))
