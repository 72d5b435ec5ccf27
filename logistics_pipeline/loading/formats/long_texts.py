"""Texts too long for any field: read piece by piece, to a beginning and a length.

Memory: one piece. A text of megabytes as a whole would take up to four bytes per character.
"""

from collections.abc import Iterable

from logistics_pipeline.loading.layouts import LongText

BEGINNING_CHARACTERS = 300
"""More than any field takes, and than are reported of others."""


def read_long_text(pieces: Iterable[str]) -> str | LongText:
    """Reads a text to its length, or to itself if little is left without blanks at its ends."""
    beginning, characters, blanks = "", 0, 0
    for piece in pieces:
        text = piece if characters else piece.lstrip()
        stripped = text.rstrip()
        if stripped:
            characters += blanks + len(stripped)
            blanks = 0
        blanks += len(text) - len(stripped)
        if len(beginning) < BEGINNING_CHARACTERS:
            beginning += text[:BEGINNING_CHARACTERS]
    return beginning.strip() if characters < BEGINNING_CHARACTERS else LongText(beginning, characters)
