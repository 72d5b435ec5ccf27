"""Text in query parameters: keys to look up, and substrings to search for."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated

from pydantic import Field

KeyText = Annotated[str, Field(min_length=1, max_length=255, pattern="^[^\\x00]+$")]
"""Text that the data contract allows; text that PostgreSQL cannot store is rejected beforehand."""

SearchText = Annotated[str, Field(max_length=255, pattern="^[^\\x00]*$")]

LAST_CASED = 0x1E943
"""The last character that has upper and lower case (Adlam)."""
BLOCK = 256


def containing(part: str) -> str:
    """A PostgreSQL regular expression for texts that contain `part`, ignoring case.

    Every character is literal: `%`, `_` and the like have no special meaning. The case variants are listed explicitly,
    because case matching by LOWER() and ILIKE depends on the database's locale, and covers only ASCII in "C".
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
    """Characters that may have case, by block: few blocks have any, and 125,000 calls would be slow."""
    for start in range(0, LAST_CASED, BLOCK):
        block = "".join(map(chr, range(start, start + BLOCK)))
        if not block.lower() == block.casefold() == block:
            yield from block


def _folded(character: str) -> str:
    """Unicode simple case folding: characters that fold to several (ß to ss) are compared in lower case."""
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character
