"""Names of datasets that are probably a slip: a folder `shipmets` beside the dataset `shipments`.

Where contracts are accepted by themselves, such a name would become a dataset of its own.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

MISSPELT = 0.8
"""Similarity from which a name is taken for a misspelt one."""

_DIGITS = re.compile(r"[0-9]+")


def meant_dataset(name: str, known: Iterable[str]) -> str | None:
    """The dataset that is probably meant by a name that none has. Names with other numbers are different things."""
    candidates = [each for each in known if _DIGITS.findall(each) == _DIGITS.findall(name)]
    return next(iter(get_close_matches(name, candidates, 1, MISSPELT)), None)
