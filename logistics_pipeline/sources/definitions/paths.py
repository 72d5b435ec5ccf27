"""Paths to values in records and responses: names with dots between them, `[2]` for an item of a list.

`data.items`, `meta.paging.next`, `stops[0].arrival`. A name that holds a dot is written in quotes: `"a.b".c`.
"""

import re
from typing import Any, TypeAlias

ValuePath: TypeAlias = tuple[str | int, ...]

MISSING: Any = object()
"""What a path leads to where there is nothing."""

_PART = re.compile(r'"((?:[^"\\]|\\.)+)"|\[(-?[0-9]{1,4})\]|([^.\[\]"]+)')


def parse_path(text: str) -> ValuePath:
    """The parts of a path; none for `.`, `$` and `[]`, which are the whole.

    Raises:
        ValueError: it is no path.
    """
    rest = text.strip().removeprefix("$").removesuffix("[]").removeprefix(".")
    parts: list[str | int] = []
    position = 0
    while position < len(rest):
        if parts and rest[position] == ".":
            position += 1
        found = _PART.match(rest, position)
        if found is None:
            raise ValueError(
                f"is {text!r}, which is no path. Expected: names with dots between them, such as data.items, [0] for "
                "an item of a list; a name that holds a dot or a bracket in double quotes."
            )
        quoted, index, name = found.groups()
        parts.append(int(index) if index else re.sub(r"\\(.)", r"\1", quoted) if quoted else name)
        position = found.end()
    return tuple(parts)


def path_text(path: ValuePath) -> str:
    """A path as a definition has it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in path).removeprefix(".")


def _name(part: str) -> str:
    return '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' if re.search(r'[.\[\]"]', part) else part


def value_at(document: Any, path: ValuePath) -> Any:
    """What stands there; `MISSING` where there is nothing."""
    for part in path:
        if isinstance(part, str):
            if not isinstance(document, dict) or part not in document:
                return MISSING
            document = document[part]
        else:
            if not isinstance(document, list) or not -len(document) <= part < len(document):
                return MISSING
            document = document[part]
    return document


def with_value(document: Any, path: ValuePath, value: Any) -> Any:
    """A copy of a document with another value there; objects that are missing on the way are made."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        items = list(document) if isinstance(document, list) else []
        items += [None] * (head + 1 - len(items))
        items[head] = with_value(items[head], rest, value)
        return items
    found = dict(document) if isinstance(document, dict) else {}
    found[head] = with_value(found.get(head), rest, value)
    return found
