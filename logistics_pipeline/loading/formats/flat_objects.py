"""Builds objects with nothing nested in them from ijson's plain events, in a third of the time that `items` takes.

Most files hold only such objects. If all have the same fields, as those of any program do, they become columns.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import ijson.backends.yajl2_c as yajl
from ijson import sendable_list

from logistics_pipeline.loading.formats.json_feed import PARSER_ERRORS
from logistics_pipeline.loading.layouts import Table

_SCALARS = {"string", "number", "boolean", "null"}


def read_flat_objects(opening: bytes, text: bytes) -> Sequence[object] | None:
    """Reads consecutive objects or, after an `opening`, elements of an array; None unless they are JSON and flat.

    `text` is whole objects, with whatever is before and between them.
    """
    if b"[" in text:
        return None
    events = sendable_list()
    try:
        parser = yajl.basic_parse_coro(events, multiple_values=not opening)
        if opening:
            parser.send(opening)
        begin = len(events)
        parser.send(text)
    except PARSER_ERRORS:
        return None
    if begin == len(events) or events[-1] != ("end_map", None):
        return None
    kinds, values = zip(*events[begin:], strict=True)
    return _as_table(kinds, values) or _as_objects(kinds, values)


def _as_table(kinds: Sequence[str], values: Sequence[Any]) -> Table | None:
    """Objects with the same fields in the same order; None if they are not."""
    width = kinds.index("end_map") + 1
    count, rest = divmod(len(kinds), width)
    if rest or kinds[::width].count("start_map") < count or kinds[width - 1 :: width].count("end_map") < count:
        return None
    columns = {}
    for index in range(1, width - 1, 2):
        names = set(values[index::width])
        if len(names) > 1 or names == {""} or not _SCALARS.issuperset(kinds[index + 1 :: width]):
            return None  # a column without a name is what delimiters at the ends of CSV rows make
        columns[names.pop()] = values[index + 1 :: width]  # of two with the same name the last counts
    return Table(columns, count)


def _as_objects(kinds: Sequence[str], values: Sequence[Any]) -> list[object] | None:
    """Objects with any fields; None if there is one inside another."""
    begins = [index for index, kind in enumerate(kinds) if kind == "start_map"]
    if any(kinds[begin - 1] != "end_map" for begin in begins):  # the item before the first is the last
        return None
    return [
        dict(zip(values[begin + 1 : end - 1 : 2], values[begin + 2 : end - 1 : 2], strict=True))
        for begin, end in pairwise([*begins, len(kinds)])
    ]
