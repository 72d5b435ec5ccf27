"""Makes names for the database from titles: transliterated, unique, not reserved. The title is kept beside the name."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import PurePath

from logistics_core.catalogue.contract_files import (
    AMBIGUOUS_DATASETS,
    FILTER_SUFFIXES,
    RESERVED_DATASETS,
    RESERVED_FIELDS,
    RESERVED_NAMES,
)
from logistics_core.catalogue.model import EXTRAS
from logistics_pipeline.loading.formats.header_titles import distinct_titles, position_name

MAX_CHARACTERS = 40
"""Of a name in a contract; PostgreSQL takes 63 bytes."""

_SUFFIX = "_column"
"""What follows a name that is reserved."""

SQL_WORDS = frozenset(
    re.findall(
        "[a-z_]+",
        "all analyse analyze and any array as asc asymmetric authorization binary both case cast check "
        "collate collation column concurrently constraint create cross current_catalog current_date "
        "current_role current_schema current_time current_timestamp current_user default deferrable desc "
        "distinct do else end except false fetch for foreign freeze from full grant group having ilike in "
        "initially inner intersect into is isnull join lateral leading left like limit localtime "
        "localtimestamp natural not notnull null offset on only or order outer overlaps placing primary "
        "references returning right select session_user similar some symmetric system_user table tablesample "
        "then to trailing true union unique user using variadic verbose when where window with",
    )
)
"""Words that PostgreSQL reserves: as the name of a column they would need quotes everywhere."""

_LETTERS = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ŋ": "n",
        "ä": "ae", "ö": "oe", "ü": "ue", "å": "aa",
        "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ie", "ж": "zh", "з": "z",
        "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
        "с": "s", "т": "t", "у": "u", "ў": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch",
        "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia",
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
        "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
        "χ": "ch", "ψ": "ps", "ω": "o",
        "%": " percent ", "°": " deg ", "€": " eur ", "$": " usd ", "£": " gbp ", "#": " no ", "&": " and ", "µ": "u",
    }
)  # fmt: skip
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_FILE_SUFFIX = re.compile(r"(?:\.(?:csv|tsv|txt|json|ndjson|jsonl|gz|zst))+$", re.IGNORECASE)
_DATED = re.compile(r"(?:(?:(?<=[a-z]{3})|(?<![a-z]))_?(?:(?<![a-z])(?:part|v|h|hj|q|kw|cw|wk|week|w|m|t)_?)?[0-9]+)+$")
"""Dates and numbers at the end of a name, also 2024_h1, q3 and kw_12: all of a word, or behind at least three letters,
as in orders2024. Of any other word with a digit, such as a4, no piece is torn off."""


_GENERIC = frozenset({"data", "raw", "tmp", "export", "exports"})
"""Names of folders and files that tell nothing about what is in them."""


def words_of(title: str) -> list[str]:
    """The words of a title in lower case, in ASCII as far as there is a usual way to write them."""
    text = unicodedata.normalize("NFC", _CAMEL.sub(" ", title)).casefold().translate(_LETTERS)
    text = unicodedata.normalize("NFKD", text).translate(_LETTERS)  # again: an accent may have hidden a letter
    text = text.encode("ascii", "ignore").decode()
    return [word for word in _OTHER.split(text) if word]


def field_names(titles: Sequence[str]) -> list[str]:
    """Returns a name for each column; one without a title is `column_3`, a second name gets the ending _2."""
    titles = distinct_titles(titles)
    proposed = [_allowed("_".join(words_of(title)) or position_name(number)) for number, title in enumerate(titles, 1)]
    # Titles that are names already: no other column gets one of them, as a title finds its own column.
    kept = {name for name, title in zip(proposed, titles, strict=True) if name == title}
    taken: set[str] = set()
    names = []
    for name, title in zip(proposed, titles, strict=True):
        unique = _unique(name, taken if name == title else taken | kept)
        taken.add(unique)
        names.append(unique)
    return names


def _allowed(name: str) -> str:
    name = (name if name[0].isalpha() else f"column_{name}")[:MAX_CHARACTERS].strip("_")
    is_reserved = name in SQL_WORDS | RESERVED_NAMES | RESERVED_FIELDS or name == EXTRAS or name.startswith("model_")
    if not is_reserved:
        return name
    return f"column_{name}"[:MAX_CHARACTERS] if name.startswith("model_") else f"{name}{_SUFFIX}"


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken or _is_filter(candidate, taken):
        number += 1
        ending = f"_{number}"
        candidate = f"{name[: MAX_CHARACTERS - len(ending)]}{ending}"
    return candidate


def _is_filter(name: str, taken: set[str]) -> bool:
    """Whether a name is that of a filter on another field, or the other way round."""
    as_filter = any(name.endswith(suffix) and name.removesuffix(suffix) in taken for suffix in FILTER_SUFFIXES)
    return as_filter or any(f"{name}{suffix}" in taken for suffix in FILTER_SUFFIXES)


def dataset_name(path: PurePath) -> str:
    """Returns a name for the dataset of a file: the file's name without dates and numbers, or that of its folder."""
    for part in (_FILE_SUFFIX.sub("", path.name), *reversed(path.parts[:-1])):
        name = _DATED.sub("", "_".join(words_of(part)))
        if name and name not in _GENERIC:
            break
    else:
        name = "records"
    return allowed_dataset_name(name)


def dataset_name_of_path(path: PurePath) -> str:
    """The name of the dataset of a file below the raw folder: that of the outermost folder with a telling name.

    Without one, or for a file elsewhere, that of the file.
    """
    for part in () if path.is_absolute() else path.parts[:-1]:
        name = _DATED.sub("", "_".join(words_of(part)))
        if name and name not in _GENERIC:
            return allowed_dataset_name(name)
    return dataset_name(PurePath(path.name))


def unique_dataset_name(name: str, taken: Collection[str]) -> str:
    """The name itself, or with a number at its end if it is taken."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        ending = f"_{number}"
        candidate = f"{name[: MAX_CHARACTERS - len(ending)]}{ending}"
    return candidate


def allowed_dataset_name(name: str) -> str:
    """Returns the name itself, or one like it where it is taken."""
    name = _allowed(name)
    return f"{name[:35]}_data" if name in RESERVED_DATASETS | AMBIGUOUS_DATASETS else name
