"""Texts that stand for "nothing" in a column of numbers, dates or times.

Only words that nobody uses for anything else. What a column of another kind holds beside them is a question to the
person. A column of texts keeps them all: NA is Namibia.
"""

import re

_WORDS = frozenset(
    {
        "na", "n/a", "n.a.", "n. a.", "#n/a", "#na", "<na>", "nan", "-nan", "nat", "null", "(null)", "<null>", "#null!",
        "none", "nil", "\\n", "missing", "(missing)", "unknown", "not available", "not applicable", "no data", "nodata",
        "not known", "not reported", "(blank)", "(empty)", "#div/0!", "#value!", "#ref!", "#num!",
        "#name?", "undefined", "k.a.", "k. a.", "k.a", "keine angabe", "nicht verfügbar", "unbekannt", "inconnu",
        "non disponible", "nd", "n.d.", "n/d", "s/d", "sin datos", "desconocido", "brak", "brak danych",
        "н/д", "нет данных", "n/b", "nvt", "n.v.t.",
    }
)  # fmt: skip
_PUNCTUATION = re.compile(r"[-\u2010-\u2015\u2212.?*:/~\u2026_]{1,4}")


def is_missing(text: str) -> bool:
    """Whether a trimmed text can only stand for "nothing" where a number, a date or a time belongs."""
    return text.casefold() in _WORDS or _PUNCTUATION.fullmatch(text) is not None
