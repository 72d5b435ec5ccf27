"""Which field of a dataset a column of a CSV file is: by its exact name, an alias, or one of these in another spelling.

`Vehicle ID`, `Vehicle_ID`, `vehicle-id`, `vehicleId` and `VEHICLE.ID ` read as `vehicle_id`: case, blanks, underscores,
hyphens and dots do not count, everything else does.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.header_titles import distinct_titles

_SEPARATORS = re.compile(r"[\s_.\-\u200b\ufeff]+")
_WORDS = re.compile(r"[\s_.\-]+|(?<=[a-z0-9])(?=[A-Z])")
_MOST_WORDS = 4
"""Of a name whose words are spelled in all combinations of case."""


def spelling_key(name: str) -> str:
    """Returns what all spellings of a name have in common."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold())


@dataclass(frozen=True)
class ColumnNames:
    """The names of a file's columns, those of the dataset's fields in the dataset's spelling."""

    names: tuple[str, ...]
    notes: tuple[str, ...]
    same_field: tuple[str, str, str] | None
    """Two columns, as written, and the field as which both read."""


class FieldNames:
    """The names by which the columns of a dataset's files are found."""

    def __init__(self, dataset: Dataset) -> None:
        self._exact = {alias: field.name for field in dataset.fields for alias in field.aliases}
        self._exact |= {name: name for name in dataset.columns}
        self._spellings = _spellings(self._exact)
        self._fields = frozenset(dataset.columns)
        self._has_extras = dataset.has_extras

    def __contains__(self, name: object) -> bool:
        """Whether a field has exactly this name or alias."""
        return name in self._exact

    def read(self, titles: Sequence[str]) -> ColumnNames:
        """Finds the fields in a header.

        A column with a field's exact name or alias is that field, whatever others are called.
        """
        written = self._with_positions(titles)
        exact = {self._exact[name] for name in written if name in self._exact}
        found: dict[str, str] = {}
        names, notes, same_field = [], [], None
        for name in written:
            field = self._exact.get(name) or self._spellings.get(spelling_key(name))
            is_exact = name in self._exact
            if field is None:
                names.append(name)
                continue
            if field in exact and not is_exact:
                names.append(name)
                notes.append(f"Column `{excerpt(name)}` is ignored: there is another with the exact name {field}.")
                continue
            if field in found and found[field] != name:
                same_field = same_field or (found[field], name, field)
            if not is_exact:
                notes.append(f"Column `{excerpt(name)}` read as {field}.")
            names.append(field)
            found[field] = name
        if self._has_extras:
            names = self._with_unique_others(names, notes)
        return ColumnNames(tuple(names), tuple(notes), same_field)

    def _with_unique_others(self, names: Sequence[str], notes: list[str]) -> list[str]:
        """The names, where columns that are no fields have one each: all their values are kept."""
        unique: list[str] = []
        for name in names:
            new, number = name, 1
            while name not in self._fields and new in unique:
                number += 1
                new = f"{name}_{number}"
            if new != name and name:
                notes.append(f"There are several columns `{excerpt(name)}`: one is kept as `{excerpt(new)}`.")
            unique.append(new)
        return unique

    def _with_positions(self, titles: Sequence[str]) -> Sequence[str]:
        """The titles, but for columns that the contract knows by position (`column_3`) or number ("Name_2")."""
        if len(set(titles)) == len(titles) and "" not in titles:
            return titles
        distinct = distinct_titles(titles)
        return [each if each in self._exact else title for title, each in zip(titles, distinct, strict=True)]


def _spellings(exact: dict[str, str]) -> dict[str, str]:
    """Fields by what spellings of their names have in common, without those that only exact names tell apart."""
    found: dict[str, str | None] = {}
    for name, field in exact.items():
        key = spelling_key(name)
        found[key] = field if found.get(key, field) == field else None
    return {key: field for key, field in found.items() if field is not None}


def missing_fields(names: Collection[str], dataset: Dataset) -> list[str]:
    """Required fields that are not among the names."""
    return [field.name for field in dataset.fields if field.required and field.name not in names]


def nearest_names(missing: Sequence[str], names: Sequence[str]) -> str:
    """A sentence that names the columns most like the missing fields; empty if none is."""
    keys = {spelling_key(name): name for name in names if name}
    close = [(field, get_close_matches(spelling_key(field), keys, n=1, cutoff=0.6)) for field in missing]
    pairs = [f"{field} (`{excerpt(keys[found[0]])}`?)" for field, found in close if found]
    return f". Nearest matches: {', '.join(pairs)}" if pairs else ""


def note_likely_columns(names: Sequence[str], dataset: Dataset) -> list[str]:
    """A sentence for each optional field without a column, if an ignored column is probably meant for it."""
    absent = [each.name for each in dataset.fields if not each.required and each.name not in names]
    ignored = {spelling_key(name): name for name in names if name and name not in dataset.columns}
    close = [(field, get_close_matches(spelling_key(field), ignored, n=1, cutoff=0.6)) for field in absent]
    return [
        f"There is no column {field}: if `{excerpt(ignored[found[0]])}` holds it, rename that, or it is ignored."
        for field, found in close
        if found
    ]


def usual_spellings(name: str) -> Iterator[str]:
    """Yields the usual ways to write a name: words in lower case, upper case and capitalised, joined in any way."""
    words = [word for word in _WORDS.split(name.strip()) if word]
    if len(words) > _MOST_WORDS:
        combinations: Iterator[Sequence[str]] = iter((words,))
    else:
        combinations = product(*((word.lower(), word.upper(), word.capitalize()) for word in words))
    for combination in combinations:
        for separator in ("_", " ", "-", ".", ""):
            yield separator.join(combination)
