"""Which series are forecast, and how they are part of each other: a tree, coarsest level first.

Of more series than a level may have, the largest stand for themselves and the others of each parent are put together,
so that parts still add up to their parent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Key = tuple[Any, ...]
"""The values of a level's fields."""


@dataclass(frozen=True)
class Node:
    """A series of the tree."""

    level: int
    key: Key
    parent: int
    """The position of the series that it is a part of; -1 for the coarsest level."""
    is_rest: bool
    """Whether it is what stands for itself nowhere: its key ends with None for each field in which that differs."""
    parts: int
    """Of how many series it consists."""


@dataclass(frozen=True)
class Hierarchy:
    """The series of all levels."""

    nodes: Sequence[Node]
    """By level, in the order of the levels; within one the largest first, and those put together last."""
    rows: Mapping[Key, Sequence[int]]
    """By key of the finest level: the position of its series of each level."""

    @property
    def together(self) -> int:
        """How many series of the finest level were put together."""
        finest = max((node.level for node in self.nodes), default=0)
        return sum(node.parts for node in self.nodes if node.is_rest and node.level == finest)

    def of_level(self, level: int) -> slice:
        """The positions of a level's series, which follow each other."""
        found = [position for position, node in enumerate(self.nodes) if node.level == level]
        return slice(found[0], found[-1] + 1) if found else slice(0, 0)


@dataclass(frozen=True)
class _Group:
    """Keys of the finest level that have a series in common."""

    parent: int
    key: Key
    keys: Sequence[Key]
    records: int
    is_rest: bool = False


def arrange(sizes: Mapping[Key, int], widths: Sequence[int], most: int) -> Hierarchy:
    """Makes the tree.

    Args:
        sizes: number of records per key of the finest level; of equally large series, those that come first count.
        widths: how many of a key's values each level has, coarsest first.
        most: how many series of a level may stand for themselves, at least 1.
    """
    nodes: list[Node] = []
    rows: dict[Key, list[int]] = {key: [] for key in sizes}
    members: list[tuple[int, Sequence[Key]]] = [(-1, list(sizes))] if sizes else []
    for level, width in enumerate(widths):
        groups = list(_groups(members, nodes, sizes, width, most))
        members = []
        for group in groups:
            members.append((len(nodes), group.keys))
            for key in group.keys:
                rows[key].append(len(nodes))
            parts = len({key[:width] for key in group.keys}) if group.is_rest else 1
            nodes.append(Node(level, group.key, group.parent, group.is_rest, parts))
    return Hierarchy(nodes, rows)


def _groups(
    members: Sequence[tuple[int, Sequence[Key]]],
    nodes: Sequence[Node],
    sizes: Mapping[Key, int],
    width: int,
    most: int,
) -> Iterator[_Group]:
    """The series of a level: parts of those of the level before, `members`."""
    series, left = [], []
    for parent, keys in members:
        if parent >= 0 and nodes[parent].is_rest:
            left.append((parent, keys))
        else:
            series += [_Group(parent, key, of_key, _records(of_key, sizes)) for key, of_key in _by_key(keys, width)]
    series.sort(key=lambda group: -group.records)
    yield from series[:most]
    for group in series[most:]:
        left.append((group.parent, group.keys))
    for parent, keys in _by_parent(left):
        of_parent = nodes[parent].key if parent >= 0 else ()
        yield _Group(parent, of_parent + (None,) * (width - len(of_parent)), keys, 0, is_rest=True)


def _records(keys: Sequence[Key], sizes: Mapping[Key, int]) -> int:
    return sum(sizes[key] for key in keys)


def _by_key(keys: Sequence[Key], width: int) -> Iterator[tuple[Key, list[Key]]]:
    found: dict[Key, list[Key]] = {}
    for key in keys:
        found.setdefault(key[:width], []).append(key)
    yield from found.items()


def _by_parent(left: Sequence[tuple[int, Sequence[Key]]]) -> Iterator[tuple[int, list[Key]]]:
    found: dict[int, list[Key]] = {}
    for parent, keys in left:
        found.setdefault(parent, []).extend(keys)
    yield from sorted(found.items())
