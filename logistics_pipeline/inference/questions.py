"""What only a person can answer about a file: the doubts of its columns and of its table, one question for each kind.

Nothing that a question asks is decided before: the column is text, or its cells are rejected, until there is an answer.
"""

from collections.abc import Sequence

import msgspec

from logistics_pipeline.inference.column_types import Doubt

_TOGETHER = frozenset({"decimal_character", "date_order", "epoch"})
"""Kinds that are asked once for all columns: one program wrote the file."""


class Question(msgspec.Struct, frozen=True):
    """An open question, with what depends on it."""

    id: str
    kind: str
    text: str
    columns: tuple[str, ...]
    cells: int
    """How many cells or records depend on it."""
    answers: tuple[str, ...]
    suggestion: str | None = None
    """What other columns of the file speak for. Nobody has decided it."""
    values: tuple[str, ...] = ()
    """The texts in question, where some of a column are."""


def column_questions(doubts: Sequence[tuple[str, Doubt]], suggestions: dict[str, str]) -> list[Question]:
    """Makes questions of the doubts of columns, given with the names of those."""
    groups: dict[tuple[object, ...], list[tuple[str, Doubt]]] = {}
    for name, doubt in doubts:
        group = (doubt.kind, doubt.answers) if doubt.kind in _TOGETHER else (doubt.kind, name, len(groups))
        groups.setdefault(group, []).append((name, doubt))
    return [_question(found, suggestions) for found in groups.values()]


def _question(found: Sequence[tuple[str, Doubt]], suggestions: dict[str, str]) -> Question:
    name, doubt = found[0]
    cells = sum(each.cells for _, each in found)
    text = f"{name}: {doubt.text}"
    if len(found) > 1:
        more = f"{len(found) - 1:,} more {'column' if len(found) == 2 else 'columns'}"
        text += f" The same in {more}, {cells:,} cells in all."
    names = tuple(each for each, _ in found)
    suggestion = suggestions.get(doubt.kind)
    return Question(f"{doubt.kind}:{name}", doubt.kind, text, names, cells, doubt.answers, suggestion, doubt.values)


def table_question(doubt: Doubt, columns: tuple[str, ...] = ()) -> Question:
    """Makes a question of a doubt about the whole file, or about what it says of some columns."""
    return Question(doubt.kind, doubt.kind, doubt.text, columns, doubt.cells, doubt.answers)
