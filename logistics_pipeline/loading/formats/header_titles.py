"""The titles of a CSV file's columns: of several header rows, of columns without a name, of names that occur twice.

Inference and loader read titles by the same functions, so that a proposed contract finds the columns it was made of.
"""

from collections.abc import Sequence


def join_titles(rows: Sequence[Sequence[str]], join: str = " ") -> list[str]:
    """Joins the names of several header rows, one above the other.

    A name of a group holds for the empty cells right of it; a name that is there twice is not repeated.
    """
    width = max(map(len, rows))
    padded = [[cell.strip() for cell in row] + [""] * (width - len(row)) for row in rows]
    first = padded[0]
    are_groups = len(rows) > 1 and len(set(filter(None, first))) < len(first)
    last, filled = "", []
    for cell, *below in zip(*padded, strict=True):
        last = cell or last
        filled.append(last if are_groups and any(below) else cell)
    parts = zip(filled, *padded[1:], strict=True)
    return [join.join(dict.fromkeys(filter(None, names))) for names in parts]


def distinct_titles(titles: Sequence[str]) -> list[str]:
    """A title of its own for each column: the third without one is `column_3`, the second "Name" is "Name_2"."""
    written = set(titles)
    found: list[str] = []
    counts: dict[str, int] = {}
    for number, title in enumerate(titles, 1):
        counts[title] = counts.get(title, 0) + 1
        if title and counts[title] == 1:
            found.append(title)
            continue
        distinct = f"{title}_{counts[title]}" if title else position_name(number)
        while distinct in written:
            distinct += "_2"
        written.add(distinct)
        found.append(distinct)
    return found


def position_name(number: int) -> str:
    """The name of a column that has none, by its position from 1."""
    return f"column_{number}"
