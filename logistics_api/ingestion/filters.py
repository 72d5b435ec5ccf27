"""Filters of lists as SQL fragments: only those in the request become part of a statement."""

from collections.abc import Collection


def where(fragments: dict[str, str], given: Collection[str]) -> str:
    """Returns the WHERE clause for the given filters."""
    wanted = [fragment for name, fragment in fragments.items() if name in given]
    return f"WHERE {' AND '.join(wanted)}" if wanted else ""
