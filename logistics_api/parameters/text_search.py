"""Text in query parameters: keys to look up, and the search for a part of one."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated

from pydantic import Field

KeyText = Annotated[str, Field(min_length=1, max_length=255, pattern="^[^\\x00]+$")]
"""Text as the data contract allows it: what PostgreSQL cannot hold is refused before it gets there."""

SearchText = Annotated[str, Field(max_length=255, pattern="^[^\\x00]*$")]

LAST_CASED = 0x1E943
"""The last character that has upper and lower case (Adlam)."""
BLOCK = 256


def containing(part: str) -> str:
    """A regular expression of PostgreSQL for texts that hold `part`, whatever the case of either.

    Every character stands for itself: `%`, `_` and the like mean nothing. The variants of each are spelled out because
    what LOWER() and ILIKE take for the same letter depends on the database's locale, and in "C" ends with ASCII.
    """
    return "".join(_either_case(character) for character in part)


def _either_case(character: str) -> str:
    variants = _cases().get(_folded(character), character)
    return f"[{variants}]" if len(variants) > 1 else re.sub(r"([^\w\s])", r"\\\1", character)


@cache
def _cases() -> dict[str, str]:
    """Characters that differ in case only, by the one they are folded to."""
    variants: dict[str, str] = {}
    for character in _cased():
        folded = _folded(character)
        if folded != character:
            variants[folded] = variants.get(folded, folded) + character
    return variants


def _cased() -> Iterator[str]:
    """What may differ in case, by whole blocks: few blocks have any, and 125,000 calls would be felt."""
    for start in range(0, LAST_CASED, BLOCK):
        block = "".join(map(chr, range(start, start + BLOCK)))
        if not block.lower() == block.casefold() == block:
            yield from block


def _folded(character: str) -> str:
    """Unicode's simple folding: what folds to several characters (ß to ss) is compared by its lower case."""
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character
